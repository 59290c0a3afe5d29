#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "api/id_token.h"
#include "base/env.h"
#include "definition/files.h"
#include "model/json.h"

namespace millrace::api {

/// One sign-in between two calls of a browser, which alone keeps its secret: state, nonce and the
/// verifier of PKCE are made of it, and tell nothing of each other.
class SignInAttempt {
 public:
  explicit SignInAttempt(std::string secret) : secret_(std::move(secret)) {}
  std::string state() const { return part("state"); }
  std::string nonce() const { return part("nonce"); }
  std::string verifier() const { return part("verifier"); }

 private:
  std::string part(std::string_view name) const;
  std::string secret_;
};

/// The issuer of OpenID Connect that people may sign in with: asked by HTTP, at most `kCallersMost`
/// at once. What it says of itself is kept for an hour, its keys until a token names another one.
/// Thread-safe. Throws Unavailable `issuer_unreachable`, `issuer_refuses`, `issuer_busy`, and
/// Misconfigured `wrong_sign_in` where the sign-in itself is wrong.
class Issuer {
 public:
  static constexpr int kCallersMost = 2;
  static constexpr std::chrono::seconds kAskedMost{10};  ///< For one answer.

  Issuer(definition::Oidc settings, Env& env);
  ~Issuer();
  Issuer(const Issuer&) = delete;
  Issuer& operator=(const Issuer&) = delete;

  const definition::Oidc& settings() const { return settings_; }
  /// Where the browser is sent.
  std::string sign_in_address(const SignInAttempt& attempt);
  /// Who comes back with this code. `client_secret` may be empty.
  Person person(const std::string& code, const SignInAttempt& attempt,
                const std::string& client_secret);

 private:
  struct Known;
  json::Value described();
  json::Value keys_for(const std::string& token, const std::string& address);
  json::Value tokens_for(const json::Value& about, const std::string& code,
                         const SignInAttempt& attempt, const std::string& client_secret);
  json::Value get(const std::string& address, const std::string& access_token = {});

  const definition::Oidc settings_;
  Env& env_;
  std::atomic<int> callers_ = 0;
  std::mutex mutex_;  ///< Of what follows.
  std::unique_ptr<Known> known_;
};

}  // namespace millrace::api
