#include "api/shape.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

using namespace millrace;
using api::read_shape;

namespace {

/// Why the value is refused; empty where it is not.
std::string said(const char* shape, const char* value) {
  try {
    api::require_shape(json::Value::parse(value), read_shape(shape));
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

std::string said_of(const char* shape, std::multimap<std::string, std::string> query) {
  try {
    api::require_parameters(query, read_shape(shape));
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("what is wrong with a body is said with the member's name") {
  const char* shape = "{a*: name, b: [integer], c: {d: flag}, e: x|y, f: {: text}}";
  CHECK(said(shape, R"({"a": "1", "b": [1, 2], "c": {"d": true}, "e": "y", "f": {"g": ""}})") ==
        "");
  CHECK(said(shape, R"({"a": "1", "b": null, "unknown": 3})") == "");
  CHECK(said(shape, "{}") == "a is required");
  CHECK(said(shape, R"({"a": null})") == "a is required");
  CHECK(said(shape, R"({"a": ""})") == "a is required");
  CHECK(said(shape, R"({"a": 7})") == "a must be a string");
  CHECK(said(shape, R"({"a": "1", "b": 2})") == "b must be a list");
  CHECK(said(shape, R"({"a": "1", "b": [2.5]})") == "b must be a whole number");
  CHECK(said(shape, R"({"a": "1", "c": {"d": 1}})") == "c.d must be true or false");
  CHECK(said(shape, R"({"a": "1", "e": "z"})") == "e must be x or y");
  CHECK(said(shape, R"({"a": "1", "f": {"g": 1}})") == "f.g must be a string");
  CHECK(said("{a*: text?}", R"({"a": null})") == "");
  CHECK(said("{a: texts}", R"({"a": [1]})") == "a must be a string or a list of strings");
  for (const char* hour : {R"({"a": 7})", R"({"a": "7"})", R"({"a": "23"})"}) {
    CHECK(said("{a: sent_hour}", hour) == "");
  }
  for (const char* wrong : {R"({"a": 24})", R"({"a": "24"})", R"({"a": "07"})", R"({"a": " 7"})",
                            R"({"a": "seven"})", R"({"a": ""})", R"({"a": true})"}) {
    CHECK(said("{a: sent_hour}", wrong) == "a must be an hour from 0 to 23");
  }
}

TEST_CASE("parameters are texts that must read as what is wanted") {
  const char* shape = "{page: page, day*: day, status: [a|b], on: flag}";
  CHECK(said_of(shape, {{"page", "7"}, {"day", "x"}, {"status", "a"}, {"status", "b"}}) == "");
  CHECK(said_of(shape, {{"page", "0"}, {"day", "x"}}) == "page must be a number from 1 to 1000000");
  CHECK(said_of(shape, {{"page", "1e2"}, {"day", "x"}}).starts_with("page must be"));
  CHECK(said_of(shape, {{"page", "99999999999999999999"}, {"day", "x"}}).starts_with("page must"));
  CHECK(said_of(shape, {{"day", ""}}) == "day is required");
  CHECK(said_of(shape, {{"day", "x"}, {"status", "a"}, {"status", "c"}}) ==
        "status must be a or b");
  CHECK(said_of(shape, {{"day", "x"}, {"on", "yes"}}) == "on must be true or false");
}

TEST_CASE("a shape as JSON Schema: optional members may be null") {
  CHECK(api::schema_of(read_shape("{a*: [x|y], b: hour}")).dump() ==
        R"({"type":"object","properties":{"a":{"type":"array","items":{"type":"string","enum":)"
        R"(["x","y"]}},"b":{"type":["integer","null"],"minimum":0,"maximum":23}},)"
        R"("required":["a"]})");
  CHECK(api::schema_of(read_shape("Run/[Run]")).dump() ==
        R"({"anyOf":[{"$ref":"#/components/schemas/Run"},{"type":"array","items":)"
        R"({"$ref":"#/components/schemas/Run"}}]})");
  CHECK(api::schema_of(read_shape("{: text?}")).dump() ==
        R"({"type":"object","additionalProperties":{"type":["string","null"]}})");
}

TEST_CASE("a mistake in a shape is found when it is read") {
  for (const char* bad : {"", "{a", "{a: }", "[text", "{a: text} b", "{a: text,}"}) {
    CHECK_THROWS_AS(read_shape(bad), std::logic_error);
  }
  CHECK_THROWS_AS(api::schema_of(read_shape("cheese")), std::logic_error);
  CHECK_THROWS_AS(api::schema_of(read_shape("Cheese")), std::logic_error);
}
