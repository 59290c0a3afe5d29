#include "definition/toml_text.h"

#include <doctest/doctest.h>

#include "definition/document.h"

namespace millrace::definition {

TEST_CASE("a text of several lines stays readable") {
  CHECK(text_value("select *\nfrom t\nwhere a = 'b\\c'\n  and d") ==
        "'''\nselect *\nfrom t\nwhere a = 'b\\c'\n  and d'''");
}

TEST_CASE("quotes are chosen so that a text of one line needs no escapes") {
  CHECK(text_value("plain") == "\"plain\"");
  CHECK(text_value("it's") == "\"it's\"");
  CHECK(text_value("select \"a\"") == "'select \"a\"'");
  CHECK(text_value("\"a\" = 'b' ") == "'''\"a\" = 'b' '''");
  CHECK(text_value("\"a\" = 'b'") == R"("\"a\" = 'b'")");
}

TEST_CASE("every text reads back as the same bytes") {
  const std::string texts[] = {
      "",         "'",        "'''",           "\"\"\"",     "a\nb'",        "\n",
      "\n\n",     "\na",      "a\n",           "a\r\nb",     "\r",           "\t\n\t",
      "\x01\x7f", "a\\\n  b", "''\n'''\"\"\"", "ünï\n\"ö\"", "ends with \\", "a\\nb\"\nc",
      "\"\n",     "#\n[x]"};
  for (const std::string& text : texts) {
    CAPTURE(text);
    const Node root = parse_toml("k = " + text_value(text) + "\n", "x.toml");
    CHECK(root.find("k")->value.text == text);
  }
}

TEST_CASE("every key reads back as the same bytes") {
  for (const std::string key :
       {"plain", "with space", "", "dot.ted", "qu\"ote", "tab\t", "é", "\n"}) {
    CAPTURE(key);
    const Node root = parse_toml(key_text(key) + " = 1\n", "x.toml");
    CHECK(root.members.at(0).key == key);
  }
}

TEST_CASE("a value is replaced, and every other byte stays") {
  const std::string document =
      "# ours\n[project] # é\nzone = \"UTC-8\"   # keep me\nunit_types = [ # two\n \"a\",\n \"b\" "
      "]\n"
      "[other]\nx = 1\n";
  CHECK(
      with_value(document, "f", "project", "zone", "\"UTC\"") ==
      "# ours\n[project] # é\nzone = \"UTC\"   # keep me\nunit_types = [ # two\n \"a\",\n \"b\" ]\n"
      "[other]\nx = 1\n");
  CHECK(with_value(document, "f", "project", "unit_types", "[\"c\"]") ==
        "# ours\n[project] # é\nzone = \"UTC-8\"   # keep me\nunit_types = [\"c\"]\n"
        "[other]\nx = 1\n");
}

TEST_CASE("a key or table that is missing is added") {
  CHECK(with_value("[a] # here\nx = 1", "f", "a", "y", "2") == "[a] # here\ny = 2\nx = 1");
  CHECK(with_value("[a]", "f", "a", "y", "2") == "[a]\ny = 2\n");
  CHECK(with_value("x = 1", "f", "a", "y", "2") == "x = 1\n\n[a]\ny = 2\n");
  CHECK(with_value("a = {}", "f", "a", "y", "2") == "a = { y = 2 }");
  CHECK(with_value("a = { x = 1 }", "f", "a", "y", "2") == "a = { y = 2, x = 1 }");
}

TEST_CASE("what is not UTF-8 is noticed") {
  CHECK(is_utf8("grün, 日本, 😀"));
  CHECK_FALSE(is_utf8("\xff"));
  CHECK_FALSE(is_utf8("\xc0\x80"));
  CHECK_FALSE(is_utf8("\xed\xa0\x80"));
  CHECK_FALSE(is_utf8("cut \xe2\x82"));
  CHECK_FALSE(is_utf8("\xf4\x90\x80\x80"));
}

}  // namespace millrace::definition
