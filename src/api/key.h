#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "catalog/api_key.h"

namespace millrace::api {

/// A new key and what is kept of it. `text` is shown once and then forgotten.
struct NewKey {
  catalog::ApiKey kept;
  std::string text;  ///< "console-" and 32 characters: 192 random bits.
};
/// `type`: "console", "secret" or "client"; anything else is Misconfigured `unknown_key_type`.
NewKey make_key(const std::string& type, const std::string& description, Env& env);

/// Throws Misconfigured `unknown_scope` for a scope that a key of this type cannot have.
void require_scopes(const std::string& type, const std::vector<std::string>& scopes);

/// SHA-256, hex.
std::string digest_of(std::string_view text);

}  // namespace millrace::api
