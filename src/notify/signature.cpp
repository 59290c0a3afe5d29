#include "notify/signature.h"

#include <array>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/error.h"

namespace millrace::notify {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string key_in(std::string_view secret) {
  constexpr std::string_view kPrefix = "whsec_";
  if (!secret.starts_with(kPrefix)) return std::string(secret);
  const std::string_view text = secret.substr(kPrefix.size());
  std::vector<unsigned char> key(text.size() + 3);
  const int size = EVP_DecodeBlock(key.data(), bytes_of(text), static_cast<int>(text.size()));
  if (size < 0) {
    throw Error(Fault::Misconfigured, "bad_webhook_secret",
                "the webhook's secret begins with whsec_ but is not base64 behind it",
                "Take it over whole, or choose one without that beginning");
  }
  std::size_t length = static_cast<std::size_t>(size);
  for (std::size_t at = text.size(); at > 0 && text[at - 1] == '='; --at) --length;
  return {reinterpret_cast<const char*>(key.data()), length};
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::vector<unsigned char> text(4 * ((bytes.size() + 2) / 3) + 1);
  const int size = EVP_EncodeBlock(text.data(), bytes_of(bytes), static_cast<int>(bytes.size()));
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(size)};
}

std::string short_digest(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(bytes_of(text), text.size(), digest.data());
  std::string hex;
  for (std::size_t byte = 0; byte < 16; ++byte) hex += fmt::format("{:02x}", digest[byte]);
  return hex;
}

std::string webhook_signature(std::string_view secret, std::string_view id,
                              std::string_view timestamp, std::string_view body) {
  const std::string key = key_in(secret);
  const std::string text = fmt::format("{}.{}.{}", id, timestamp, body);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> mac{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
       mac.data(), &size);
  return "v1," + base64({reinterpret_cast<const char*>(mac.data()), size});
}

}  // namespace millrace::notify
