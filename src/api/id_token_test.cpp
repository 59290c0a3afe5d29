#include "api/id_token.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

using namespace millrace;

namespace {

// RFC 7515, A.3: key, text and signature of an ES256 token of "joe" that expired in 2011.
const json::Value kKeys = {{"keys",
                            {{{"kty", "EC"},
                              {"crv", "P-256"},
                              {"x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"},
                              {"y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}}}};
const std::string kClaims =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";
const std::string kSignature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const std::string kToken = "eyJhbGciOiJFUzI1NiJ9." + kClaims + "." + kSignature;

std::string refusal(const std::string& token, const std::string& issuer = "joe",
                    const json::Value& keys = kKeys) {
  try {
    api::read_id_token(token, keys, {.issuer = issuer, .client_id = "me", .nonce = "n"},
                       instant_from_text("2011-03-22T18:00:00Z"));
  } catch (const Error& error) {
    CHECK(error.code == "wrong_sign_in");
    return error.what();
  }
  return "let in";
}

std::string with_head(const std::string& head) {
  return api::base64url(head) + "." + kClaims + "." + kSignature;
}

constexpr const char* kUnsigned =
    "The issuer's ID token is not good: none of the issuer's keys has signed it";

}  // namespace

TEST_CASE("what the issuer's key has signed is believed, and looked at further") {
  CHECK(refusal(kToken) == "The issuer's ID token is not good: it is for another client");
  CHECK(refusal(kToken, "jim") == "The issuer's ID token is not good: another issuer made it");
}

TEST_CASE("what nobody known has signed is believed by nobody") {
  CHECK(refusal("eyJhbGciOiJFUzI1NiJ9." + kClaims + ".") == kUnsigned);
  CHECK(refusal("eyJhbGciOiJFUzI1NiJ9." + kClaims + ".E" + kSignature.substr(1)) == kUnsigned);
  CHECK(refusal("eyJhbGciOiJFUzI1NiJ9.f" + kClaims.substr(1) + "." + kSignature) == kUnsigned);
  CHECK(refusal(kToken, "joe", json::Value::object()) == kUnsigned);
  CHECK(refusal(kToken, "joe", {{"keys", json::Value::array()}}) == kUnsigned);
  CHECK(refusal(kToken, "joe", {{"keys", {1, "x", json::Value::object()}}}) == kUnsigned);
  CHECK(refusal(with_head(R"({"alg":"RS256"})")) == kUnsigned);
  CHECK(refusal(with_head(R"({"alg":"ES256","kid":"another"})")) == kUnsigned);
}

TEST_CASE("a token does not choose to be proven by less than a signature") {
  for (const char* algorithm : {"none", "HS256", "es256", ""}) {
    const std::string token = with_head(std::string(R"({"alg":")") + algorithm + "\"}");
    CHECK(refusal(token).ends_with("not by RS256 or ES256"));
  }
  for (const char* text : {"", ".", "..", "a.b", "a.b.c", "ä.ö.ü"}) {
    CHECK(refusal(text).starts_with("The issuer's ID token is not good: "));
  }
}

TEST_CASE("an address is vouched for by true, in either spelling") {
  api::Person person;
  api::take_email({{"email", "a@b"}, {"email_verified", "true"}}, person);
  CHECK(person.is_verified == true);
  api::take_email({{"email", "a@b"}, {"email_verified", 1}}, person);
  CHECK(person.is_verified == false);
  api::take_email({{"email", 7}}, person);
  CHECK(person.email.empty());
}
