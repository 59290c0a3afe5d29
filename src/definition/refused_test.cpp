#include <algorithm>
#include <sstream>

#include <doctest/doctest.h>

#include "definition/test_home.h"
#include "golden.h"

namespace millrace::definition {
namespace {

struct Case {
  std::string title, text;
};

/// Cases stand one after the other in a file, each under a line "### title".
std::vector<Case> cases_in(const std::string& path) {
  std::vector<Case> cases;
  std::istringstream file(golden::content(golden::source(path)));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("### ")) {
      cases.push_back({line.substr(4), ""});
    } else if (!cases.empty()) {
      cases.back().text += line + "\n";
    }
  }
  return cases;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at; (at = text.find(from)) != std::string::npos;)
    text.replace(at, from.size(), to);
  return text;
}

template <class Read>
std::string refusals(const std::string& path, const TestHome& home, const Read& read) {
  std::string all;
  for (const Case& one : cases_in(path)) {
    const std::string refused = refusal([&] { read(one.text); });
    CAPTURE(one.title);
    CHECK(refused != "");
    all += "### " + one.title + "\n" + replaced(refused, home.path().string(), "HOME") + "\n\n";
  }
  return all;
}

}  // namespace

TEST_CASE("every mistake in a definition is refused with its place, what is wrong and what to do") {
  const TestHome home;
  home.write("bad-bytes.sql", "select '\xff'");
  home.write("empty.sql", "\n");
  const std::string all =
      refusals("src/definition/testdata/bad_definitions.toml.txt", home, [&](const auto& text) {
        home.write("x.toml", text);
        home.read("x.toml");
      });
  CHECK(golden::difference("src/definition/testdata/bad_definitions.refused.txt", all) == "");
}

TEST_CASE("every mistake in the server's configuration is refused with its place") {
  const TestHome home;
  const std::string all =
      refusals("src/definition/testdata/bad_configurations.toml.txt", home, [&](const auto& text) {
        home.write("millrace.toml", text);
        home.configuration();
      });
  CHECK(golden::difference("src/definition/testdata/bad_configurations.refused.txt", all) == "");
}

}  // namespace millrace::definition
