#pragma once

#include <string>
#include <string_view>

namespace millrace::notify {

std::string base64(std::string_view bytes);
/// The first 16 bytes of its SHA-256, in hex: a name that fits everywhere.
std::string short_digest(std::string_view text);

/// As Standard Webhooks 1.0 signs: "v1," and the base64 HMAC-SHA256 over `id.timestamp.body`. A
/// secret "whsec_…" is base64 of the key, any other is the key itself.
std::string webhook_signature(std::string_view secret, std::string_view id,
                              std::string_view timestamp, std::string_view body);

}  // namespace millrace::notify
