#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/env.h"
#include "model/json.h"

namespace millrace::api {

/// What an issuer of OpenID Connect says of a person.
struct Person {
  std::string subject;  ///< The issuer's own name for them.
  std::string email;    ///< Empty: the token does not say.
  std::optional<bool> is_verified;
};

/// What an ID token must have been issued for.
struct SignInWanted {
  std::string issuer, client_id, nonce;
};

/// The key's id in the token's head; empty where there is none, or the text is no token.
std::string key_id_of(std::string_view token);

/// Proves the token (RFC 7519) by the issuer's keys, a JWK set: signature by RS256 or ES256,
/// issuer, audience, times with a minute of leeway, nonce. Throws Misconfigured `wrong_sign_in`,
/// saying which of them is wrong.
Person read_id_token(std::string_view token, const json::Value& keys, const SignInWanted& wanted,
                     Instant now);

using json::text_in;

/// `email` and `email_verified` among claims.
void take_email(const json::Value& claims, Person& person);

std::string base64url(std::string_view bytes);

}  // namespace millrace::api
