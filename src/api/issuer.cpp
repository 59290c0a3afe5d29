#include "api/issuer.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "api/key.h"
#include "base/error.h"
#include "base/http.h"
#include "notify/signature.h"

namespace millrace::api {
namespace {

constexpr std::chrono::hours kDescriptionLasts(1);

[[noreturn]] void unreachable(const std::string& address, const std::string& why) {
  throw Error(Fault::Unavailable, "issuer_unreachable",
              fmt::format("could not ask the issuer at {}: {}", address, why),
              "See [server.oidc] in millrace.toml, or sign in with a password");
}

/// One of the issuer's own addresses, which must not be weaker than the issuer's.
std::string address_in(const json::Value& about, const char* name, const std::string& issuer) {
  std::string address = text_in(about, name);
  const bool is_safe = address.starts_with("https://") || issuer.starts_with("http://");
  if (address.empty() || !is_safe) {
    unreachable(issuer, fmt::format("it names no {} that is https", name));
  }
  return address;
}

/// `error` and `error_description` of an answer, in the issuer's words.
std::string words_of(const json::Value& answer) {
  const std::string code = text_in(answer, "error"), text = text_in(answer, "error_description");
  return text.empty() ? code : fmt::format("{} ({})", code, text);
}

/// Whether the client may name itself in the body; the other way is HTTP Basic.
bool wants_body(const json::Value& about) {
  const auto methods = about.find("token_endpoint_auth_methods_supported");
  if (methods == about.end() || !methods->is_array()) return false;
  return std::ranges::find(*methods, json::Value("client_secret_basic")) == methods->end();
}

/// Counts a caller in for as long as it lives.
class Turn {
 public:
  explicit Turn(std::atomic<int>& callers) : callers_(callers) {
    if (++callers_ <= Issuer::kCallersMost) return;
    --callers_;
    throw Error(Fault::Unavailable, "issuer_busy", "too many people sign in at this moment",
                "Try again in a few seconds");
  }
  ~Turn() { --callers_; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic<int>& callers_;
};

}  // namespace

/// What the issuer has told of itself, and when.
struct Issuer::Known {
  json::Value about, keys;
  Instant about_at;
};

Issuer::Issuer(definition::Oidc settings, Env& env)
    : settings_(std::move(settings)), env_(env), known_(std::make_unique<Known>()) {}

Issuer::~Issuer() = default;

std::string SignInAttempt::part(std::string_view name) const {
  return digest_of(fmt::format("{} {}", name, secret_));
}

json::Value Issuer::get(const std::string& address, const std::string& access_token) {
  HttpCall call{.url = address, .headers = {{"Accept", "application/json"}}};
  if (!access_token.empty()) {
    call.headers.emplace_back("Authorization", "Bearer " + access_token);
  }
  call.ca_file = settings_.ca_file;
  call.most = kAskedMost;
  const HttpReply reply = http(call);
  if (reply.status == 0) unreachable(address, reply.problem);
  json::Value answer = json::Value::parse(reply.body, nullptr, false);
  if (reply.status != 200 || !answer.is_object()) {
    unreachable(address, fmt::format("it answered {}", reply.status));
  }
  return answer;
}

json::Value Issuer::described() {
  {
    const std::lock_guard lock(mutex_);
    if (!known_->about.is_null() && env_.now() - known_->about_at < kDescriptionLasts)
      return known_->about;
  }
  std::string base = settings_.issuer;
  if (base.ends_with('/')) base.pop_back();
  json::Value about = get(base + "/.well-known/openid-configuration");
  if (text_in(about, "issuer") != settings_.issuer) {
    unreachable(settings_.issuer, fmt::format("it calls itself \"{}\"", text_in(about, "issuer")));
  }
  const std::lock_guard lock(mutex_);
  known_->about = std::move(about);
  known_->about_at = env_.now();
  return known_->about;
}

json::Value Issuer::keys_for(const std::string& token, const std::string& address) {
  const std::string id = key_id_of(token);
  {
    const std::lock_guard lock(mutex_);
    const auto has_id = [&](const json::Value& key) {
      return key.is_object() && text_in(key, "kid") == id;
    };
    if (known_->keys.is_object() && std::ranges::any_of(known_->keys["keys"], has_id)) {
      return known_->keys;
    }
  }
  json::Value keys = get(address);
  if (!keys["keys"].is_array()) unreachable(address, "it gives no list of keys");
  const std::lock_guard lock(mutex_);
  known_->keys = std::move(keys);
  return known_->keys;
}

std::string Issuer::sign_in_address(const SignInAttempt& attempt) {
  const Turn turn(callers_);
  const std::string where = address_in(described(), "authorization_endpoint", settings_.issuer);
  const std::string verifier = attempt.verifier();
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(verifier.data()), verifier.size(), digest.data());
  const std::string challenge =
      base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
  return fmt::format(
      "{}{}response_type=code&scope=openid%20email&client_id={}&redirect_uri={}&state={}&nonce={}"
      "&code_challenge={}&code_challenge_method=S256",
      where, where.find('?') == std::string::npos ? '?' : '&', url_escaped(settings_.client_id),
      url_escaped(settings_.redirect_url), attempt.state(), attempt.nonce(), challenge);
}

json::Value Issuer::tokens_for(const json::Value& about, const std::string& code,
                               const SignInAttempt& attempt, const std::string& client_secret) {
  const std::string id = url_escaped(settings_.client_id);
  HttpCall call{.url = address_in(about, "token_endpoint", settings_.issuer),
                .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                            {"Accept", "application/json"}}};
  call.body =
      fmt::format("grant_type=authorization_code&code={}&redirect_uri={}&code_verifier={}",
                  url_escaped(code), url_escaped(settings_.redirect_url), attempt.verifier());
  const std::string secret = client_secret.empty() ? "" : url_escaped(client_secret);
  if (secret.empty() || wants_body(about)) {
    call.body += "&client_id=" + id;
    if (!secret.empty()) call.body += "&client_secret=" + secret;
  } else {
    call.headers.emplace_back("Authorization", "Basic " + notify::base64(id + ":" + secret));
  }
  call.ca_file = settings_.ca_file;
  call.most = kAskedMost;
  const HttpReply reply = http(call);
  if (reply.status == 0) unreachable(call.url, reply.problem);
  json::Value answer = json::Value::parse(reply.body, nullptr, false);
  if (!answer.is_object()) answer = json::Value::object();
  if (reply.status == 200) return answer;
  if (text_in(answer, "error") == "invalid_grant") {
    throw Error(Fault::Misconfigured, "wrong_sign_in",
                fmt::format("The issuer does not take its code back: {}", words_of(answer)),
                "Begin again");
  }
  throw Error(
      Fault::Unavailable, "issuer_refuses",
      fmt::format("the issuer at {} answered {}: {}", call.url, reply.status, words_of(answer)),
      "See client_id and client_secret under [server.oidc], and what the issuer's own "
      "settings of this client say");
}

Person Issuer::person(const std::string& code, const SignInAttempt& attempt,
                      const std::string& client_secret) {
  const Turn turn(callers_);
  const json::Value about = described();
  const json::Value tokens = tokens_for(about, code, attempt, client_secret);
  const std::string token = text_in(tokens, "id_token");
  const json::Value keys = keys_for(token, address_in(about, "jwks_uri", settings_.issuer));
  Person person = read_id_token(
      token, keys,
      {.issuer = settings_.issuer, .client_id = settings_.client_id, .nonce = attempt.nonce()},
      env_.now());
  if (!person.email.empty() || !about.contains("userinfo_endpoint")) return person;
  const json::Value claims = get(address_in(about, "userinfo_endpoint", settings_.issuer),
                                 text_in(tokens, "access_token"));
  if (text_in(claims, "sub") == person.subject) take_email(claims, person);
  return person;
}

}  // namespace millrace::api
