#include <doctest/doctest.h>

#include "base/error.h"
#include "warehouse/connector.h"

using namespace millrace;

namespace {

std::string refusal(std::string_view kind, const std::map<std::string, std::string>& settings) {
  try {
    warehouse::validate(warehouse::kind_named(kind), settings);
  } catch (const Error& error) {
    CHECK(error.code == "bad_settings");
    CHECK_FALSE(error.advice.empty());
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every kind explains itself and each of its settings") {
  CHECK(warehouse::kinds().size() == 4);
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
