#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/http.h"
#include "base/secret.h"
#include "catalog/catalog.h"
#include "model/json.h"

/// Who signs in with a password, and what they may do.
namespace millrace::api {

/// A new user. Throws Misconfigured `bad_email`, `unknown_role`, `unknown_grant`, `weak_password`.
catalog::User make_user(const std::string& email, const Secret& password, const std::string& role,
                        const std::vector<std::string>& grants, Env& env);
/// What becomes of a user; what is not given stays. Who becomes a viewer loses the grants.
struct UserChange {
  std::optional<std::string> role;
  std::optional<std::vector<std::string>> grants;
  std::optional<std::string> password;  ///< As `hash_of` makes it.
  std::optional<bool> active, slack_direct;
};
/// Also ends a lock-out. Throws as `make_user` does, and `last_admin`.
catalog::User change_user(catalog::Catalog& catalog, const std::string& id,
                          const UserChange& change);
/// As every answer shows a user: never the password.
json::Value user_json(const catalog::User& user);
void require_role_and_grants(const std::string& role, const std::vector<std::string>& grants);

/// 64 characters that nobody guesses.
std::string random_text(Env& env);

/// What a browser gets when somebody signs in; shown once.
struct SignedIn {
  catalog::User user;
  std::string cookie, csrf;
  std::chrono::seconds lasts{0};
};
/// Five wrong passwords in a row lock the user out for 15 minutes: Throttled `locked_out`. Anything
/// else that is wrong is the same Misconfigured `wrong_sign_in`.
SignedIn sign_in(catalog::Catalog& catalog, const std::string& email, const Secret& password,
                 Env& env);

/// Signs in whoever has proven to be this user.
SignedIn open_session(catalog::Catalog& catalog, const catalog::User& user, Env& env);

inline constexpr std::string_view kSessionCookie = "millrace_session";
/// The value of a cookie, or empty.
std::string cookie_of(const Request& request, std::string_view name = kSessionCookie);
/// Who is signed in at the browser that asks; nobody, where its session is over. A request that
/// changes something must bring the session's token in X-CSRF-Token: else it is `forbidden`.
std::optional<catalog::User> signed_in(const Request& request, catalog::Catalog& catalog);

/// The user as a key with the scopes of the role, and without limits.
catalog::ApiKey as_key(const catalog::User& user);
/// "connection.use" or "rows.read", for this connection. Admins have both; viewers neither.
bool has_grant(const catalog::User& user, const std::string& grant, const std::string& connection);

}  // namespace millrace::api
