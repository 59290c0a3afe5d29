#include "api/id_token.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"

namespace millrace::api {
namespace {

constexpr std::chrono::seconds kLeeway(60);
constexpr int kRsaBitsMin = 2048;
constexpr std::size_t kCoordinate = 32;  ///< Of a point of P-256, and of a number of ES256.

template <auto release>
struct Released {
  template <class T>
  void operator()(T* thing) const {
    release(thing);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Released<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Released<EVP_PKEY_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Released<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Released<OSSL_PARAM_free>>;
using Number = std::unique_ptr<BIGNUM, Released<BN_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Released<ECDSA_SIG_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Released<EVP_MD_CTX_free>>;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Fault::Misconfigured, "wrong_sign_in", "The issuer's ID token is not good: " + why);
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// Nothing where the text is no base64url.
std::optional<std::string> decoded(std::string_view text) {
  std::string usual(text);
  std::ranges::replace(usual, '-', '+');
  std::ranges::replace(usual, '_', '/');
  const std::size_t padding = (4 - usual.size() % 4) % 4;
  usual.append(padding, '=');
  std::vector<unsigned char> bytes(usual.size() + 1);
  const int size = EVP_DecodeBlock(bytes.data(), bytes_of(usual), static_cast<int>(usual.size()));
  if (size < 0 || padding > 2) return {};
  return std::string(bytes.begin(), bytes.begin() + size - static_cast<int>(padding));
}

json::Value object_in(std::string_view part) {
  const auto text = decoded(part);
  json::Value value = text ? json::Value::parse(*text, nullptr, false) : json::Value();
  return value.is_object() ? value : json::Value::object();
}

/// A token's three parts, as they came.
struct Parts {
  std::string_view head, claims, signature;
  std::string_view signed_text;
};

std::optional<Parts> parts_of(std::string_view token) {
  const std::size_t first = token.find('.');
  const std::size_t second = token.find('.', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return {};
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1), token.substr(0, second)};
}

Number number_in(const std::string& bytes) {
  return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

Key key_from(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  const bool is_made =
      parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
  return Key(is_made ? key : nullptr);
}

Key rsa_key(const json::Value& jwk) {
  const auto n = decoded(text_in(jwk, "n")), e = decoded(text_in(jwk, "e"));
  if (!n || !e) return {};
  const Builder builder(OSSL_PARAM_BLD_new());
  const Number modulus = number_in(*n), exponent = number_in(*e);
  if (!OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) ||
      !OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get())) {
    return {};
  }
  Key key = key_from("RSA", builder.get());
  if (key && EVP_PKEY_get_bits(key.get()) < kRsaBitsMin) return {};
  return key;
}

Key p256_key(const json::Value& jwk) {
  const auto x = decoded(text_in(jwk, "x")), y = decoded(text_in(jwk, "y"));
  if (text_in(jwk, "crv") != "P-256" || !x || !y) return {};
  if (x->size() != kCoordinate || y->size() != kCoordinate) return {};
  const std::string point = "\x04" + *x + *y;
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1",
                                       0) ||
      !OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                        point.size())) {
    return {};
  }
  return key_from("EC", builder.get());
}

/// OpenSSL wants the two numbers of an ES256 signature as DER; empty where it is none.
std::string as_der(const std::string& raw) {
  if (raw.size() != 2 * kCoordinate) return {};
  const Signature signature(ECDSA_SIG_new());
  Number r = number_in(raw.substr(0, kCoordinate)), s = number_in(raw.substr(kCoordinate));
  if (ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return {};
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &bytes);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

bool is_signed_by(const Key& key, std::string_view text, const std::string& signature) {
  const Digest digest(EVP_MD_CTX_new());
  return key && !signature.empty() &&
         EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(digest.get(), bytes_of(signature), signature.size(), bytes_of(text),
                          text.size()) == 1;
}

/// By any of the issuer's keys of that sort; by the one that the head names, where it names one.
bool is_proven(const Parts& parts, const json::Value& keys) {
  const json::Value head = object_in(parts.head);
  const std::string algorithm = text_in(head, "alg"), id = text_in(head, "kid");
  const bool is_rsa = algorithm == "RS256";
  if (!is_rsa && algorithm != "ES256") {
    refuse(fmt::format("it is signed by \"{}\", not by RS256 or ES256", algorithm));
  }
  const std::string raw = decoded(parts.signature).value_or("");
  const std::string signature = is_rsa ? raw : as_der(raw);
  const auto found = keys.find("keys");
  if (found == keys.end() || !found->is_array()) return false;
  return std::ranges::any_of(*found, [&](const json::Value& jwk) {
    if (!jwk.is_object() || (!id.empty() && text_in(jwk, "kid") != id)) return false;
    if (text_in(jwk, "kty") != (is_rsa ? "RSA" : "EC") || text_in(jwk, "use") == "enc")
      return false;
    return is_signed_by(is_rsa ? rsa_key(jwk) : p256_key(jwk), parts.signed_text, signature);
  });
}

bool is_meant_for(const json::Value& claims, const std::string& client_id) {
  const auto audience = claims.find("aud");
  if (audience == claims.end()) return false;
  if (audience->is_string()) return *audience == client_id;
  const bool is_among = audience->is_array() &&
                        std::ranges::find(*audience, json::Value(client_id)) != audience->end();
  return is_among && (audience->size() == 1 || text_in(claims, "azp") == client_id);
}

/// Seconds since 1970; nothing where it is missing.
std::optional<double> time_in(const json::Value& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number()) return {};
  return found->get<double>();
}

void require_times(const json::Value& claims, Instant now) {
  const double at = std::chrono::duration<double>(now.time_since_epoch()).count();
  const double leeway = static_cast<double>(kLeeway.count());
  const auto expires = time_in(claims, "exp");
  if (!expires) refuse("it does not say when it expires");
  if (at > *expires + leeway) refuse("it has expired");
  for (const char* name : {"iat", "nbf"}) {
    const auto begins = time_in(claims, name);
    if (begins && at < *begins - leeway) refuse("it is of the future: compare the clocks");
  }
}

}  // namespace

std::string key_id_of(std::string_view token) {
  const auto parts = parts_of(token);
  return parts ? text_in(object_in(parts->head), "kid") : std::string();
}

void take_email(const json::Value& claims, Person& person) {
  person.email = text_in(claims, "email");
  const auto verified = claims.find("email_verified");
  if (verified == claims.end()) return;
  // Some issuers write it as a text.
  person.is_verified = *verified == true || *verified == "true";
}

Person read_id_token(std::string_view token, const json::Value& keys, const SignInWanted& wanted,
                     Instant now) {
  const auto parts = parts_of(token);
  if (!parts) refuse("it is no token");
  if (!is_proven(*parts, keys)) refuse("none of the issuer's keys has signed it");
  const json::Value claims = object_in(parts->claims);
  if (text_in(claims, "iss") != wanted.issuer) refuse("another issuer made it");
  if (!is_meant_for(claims, wanted.client_id)) refuse("it is for another client");
  require_times(claims, now);
  if (text_in(claims, "nonce") != wanted.nonce) refuse("it is of another sign-in");
  Person person;
  person.subject = text_in(claims, "sub");
  if (person.subject.empty()) refuse("it does not say for whom it is");
  take_email(claims, person);
  return person;
}

std::string base64url(std::string_view bytes) {
  std::vector<unsigned char> text(4 * ((bytes.size() + 2) / 3) + 1);
  const int size = EVP_EncodeBlock(text.data(), bytes_of(bytes), static_cast<int>(bytes.size()));
  std::string coded(text.begin(), text.begin() + size);
  coded.erase(std::min(coded.find('='), coded.size()));
  std::ranges::replace(coded, '+', '-');
  std::ranges::replace(coded, '/', '_');
  return coded;
}

}  // namespace millrace::api
