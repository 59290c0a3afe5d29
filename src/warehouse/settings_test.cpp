#include <doctest/doctest.h>

#include "base/error.h"
#include "warehouse/connector.h"

using namespace millrace;

namespace {

std::string refusal(std::string_view kind, const std::map<std::string, std::string>& settings) {
  try {
    warehouse::validate(warehouse::kind_named(kind), settings, {"/data"});
  } catch (const Error& error) {
    CHECK(error.code == "bad_settings");
    CHECK_FALSE(error.advice.empty());
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every kind explains itself and each of its settings") {
  CHECK(warehouse::kinds().size() == 6);
  for (const warehouse::Kind* kind : warehouse::kinds()) {
    CAPTURE(kind->name);
    CHECK_FALSE(kind->title.empty());
    CHECK_FALSE(kind->about.empty());
    CHECK(static_cast<bool>(kind->open));
    for (const warehouse::Setting& setting : kind->settings) {
      CAPTURE(setting.name);
      CHECK_FALSE(setting.help.empty());
      CHECK_FALSE(setting.example.empty());
    }
  }
}

TEST_CASE("an unknown kind is refused with the nearest one") {
  try {
    warehouse::kind_named("postgress");
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) ==
          "there is no kind of connection named postgress; did you mean \"postgres\"?");
  }
}

TEST_CASE("all problems of settings come in one message") {
  const std::string text = refusal("s3", {{"buckett", "b"}, {"secret_access_key", "hunter2"}});
  CHECK(text.find("buckett is not a setting of s3; did you mean \"bucket\"?") != text.npos);
  CHECK(text.find("bucket is missing") != text.npos);
  CHECK(text.find("secret_access_key holds the secret itself") != text.npos);
  CHECK(text.find("hunter2") == text.npos);
}

TEST_CASE("a secret by reference is accepted") {
  CHECK(refusal("s3", {{"bucket", "b"},
                       {"access_key_id", "AK"},
                       {"secret_access_key", "env:SHOP_SECRET"}}) == "");
}

TEST_CASE("settings that contradict each other are refused") {
  CHECK(refusal("s3", {{"bucket", "b"}, {"access_key_id", "AK"}})
            .ends_with("access_key_id and secret_access_key belong together"));
  CHECK(refusal("s3", {{"bucket", "b"}, {"endpoint", "http://minio:9000"}})
            .ends_with("endpoint is host:port; use_ssl says whether it is https"));
  CHECK(
      refusal("s3", {{"bucket", "b/c"}}).ends_with("bucket is a name only; prefix takes the rest"));
}

TEST_CASE("a session falls back where a setting is left out or empty") {
  constexpr warehouse::Setting kSettings[] = {
      {.name = "port", .help = "", .example = "", .fallback = "5432"}};
  CHECK(with_fallbacks({}, kSettings).get("port") == "5432");
  CHECK(with_fallbacks({.settings = {{"port", "6000"}}, .roots = {}}, kSettings).get("port") ==
        "6000");
  CHECK(with_fallbacks({}, kSettings).get("host") == "");
}

namespace {

std::string postgres_refusal(std::string_view setting, std::string_view value) {
  std::map<std::string, std::string> settings = {{"host", "h"}, {"database", "d"}, {"user", "u"}};
  settings.emplace(setting, value);
  return refusal("postgres", settings);
}

}  // namespace

TEST_CASE("a value that a setting cannot have is refused, by whoever stores it") {
  CHECK(postgres_refusal("sslmode", "verify")
            .ends_with("sslmode cannot be \"verify\"; did you mean \"verify-ca\"?"));
  CHECK(postgres_refusal("sslmode", "requird").ends_with("did you mean \"require\"?"));
  CHECK(postgres_refusal("sslmode", "require") == "");
  CHECK(postgres_refusal("connect_timeout", "soon") != "");
  CHECK(postgres_refusal("connect_timeout", "10") == "");
  for (const char* port : {"0", "65536", "54e2", " 5432", "-1"}) {
    CAPTURE(port);
    CHECK(postgres_refusal("port", port) != "");
    CHECK(postgres_refusal("ssh_port", port) != "");
  }
  CHECK(refusal("s3", {{"bucket", "b"}, {"use_ssl", "yes"}}) != "");
  CHECK(refusal("files", {{"path", "/etc"}})
            .ends_with("it lies outside the allowed folders (/data)"));
  CHECK(refusal("files", {{"path", "/data/not/there/yet"}}) == "");
  CHECK(refusal("files", {{"path", "below"}}) == "");
}

TEST_CASE("what a reference stands for is looked at when a session opens") {
  CHECK(postgres_refusal("port", "env:SHOP_PORT") == "");
  const auto& kind = warehouse::kind_named("postgres");
  CHECK_THROWS_AS(with_fallbacks({.settings = {{"port", "54e2"}}, .roots = {}}, kind.settings),
                  Error);
}
