#include "api/key.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/error.h"

namespace millrace::api {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kTypes[] = {"console", "secret", "client"};

constexpr std::string_view kConsoleScopes[] = {"omni_read_only", "omni_read_write",
                                               "can_access_keys"};

/// Of the contract; what they would allow does not exist here, so that they are only kept.
constexpr std::string_view kClientScopes[] = {"client_download_config_specs", "none_hash_enabled",
                                              "client_can_write_user_store"};

}  // namespace

std::string digest_of(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

NewKey make_key(const std::string& type, const std::string& description, Env& env) {
  if (std::ranges::find(kTypes, type) == std::end(kTypes)) {
    throw Error(Fault::Misconfigured, "unknown_key_type",
                fmt::format("there is no type of key named {}", type),
                "The types are console, secret and client");
  }
  std::array<std::uint8_t, 24> random{};
  env.random(random);
  NewKey key;
  key.text = type + "-";
  for (std::size_t i = 0; i < random.size(); i += 3) {
    const unsigned three =
        unsigned{random[i]} << 16U | unsigned{random[i + 1]} << 8U | unsigned{random[i + 2]};
    for (const unsigned shift : {18U, 12U, 6U, 0U}) key.text += kDigits[three >> shift & 63U];
  }
  key.kept.id = new_id(env);
  key.kept.type = type;
  key.kept.digest = digest_of(key.text);
  key.kept.hint = key.text.substr(0, type.size() + 5) + "…";
  key.kept.description = description;
  if (type == "console") key.kept.scopes = {"omni_read_write"};
  key.kept.created_at = env.now();
  return key;
}

void require_scopes(const std::string& type, const std::vector<std::string>& scopes) {
  std::span<const std::string_view> known;
  if (type == "console") known = kConsoleScopes;
  if (type == "client") known = kClientScopes;
  for (const std::string& scope : scopes) {
    if (std::ranges::find(known, scope) != known.end()) continue;
    throw Error(Fault::Misconfigured, "unknown_scope",
                fmt::format("the scope {} is not known for a {} key", scope, type),
                known.empty() ? fmt::format("A {} key has no scopes", type)
                              : fmt::format("Its scopes are {}", fmt::join(known, ", ")));
  }
}

}  // namespace millrace::api
