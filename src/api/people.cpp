#include "api/people.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "api/key.h"
#include "api/password.h"
#include "base/error.h"
#include "base/letters.h"

namespace millrace::api {
namespace {

constexpr std::string_view kRoles[] = {"viewer", "editor", "admin"};
constexpr std::string_view kGrants[] = {"connection.use", "rows.read"};
constexpr std::int64_t kWrongMost = 5;
constexpr std::chrono::minutes kLockedFor(15);
constexpr std::chrono::hours kSessionLasts(12);

void require_unlocked(const catalog::User& user, Instant now) {
  if (!user.locked_until || *user.locked_until <= now) return;
  Error error(Fault::Throttled, "locked_out",
              "Too many wrong passwords: this user is locked out for a while");
  error.retry_after = std::chrono::ceil<std::chrono::seconds>(*user.locked_until - now);
  throw error;
}

}  // namespace

std::string random_text(Env& env) {
  std::array<std::uint8_t, 32> bytes{};
  env.random(bytes);
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

void require_role_and_grants(const std::string& role, const std::vector<std::string>& grants) {
  if (std::ranges::find(kRoles, role) == std::end(kRoles)) {
    throw Error(Fault::Misconfigured, "unknown_role", "there is no role " + role,
                "The roles are viewer, editor and admin");
  }
  for (const std::string& grant : grants) {
    const std::size_t colon = grant.find(':');
    const bool is_known = colon != std::string::npos && colon + 1 < grant.size() &&
                          std::ranges::find(kGrants, grant.substr(0, colon)) != std::end(kGrants);
    if (!is_known) {
      throw Error(Fault::Misconfigured, "unknown_grant", "there is no grant " + grant,
                  "Write connection.use:CONNECTION or rows.read:CONNECTION; * means all");
    }
  }
  if (role == "viewer" && !grants.empty()) {
    throw Error(Fault::Misconfigured, "unknown_grant", "viewers have no grants",
                "Make this user an editor, or leave the grants out");
  }
}

catalog::User make_user(const std::string& email, const Secret& password, const std::string& role,
                        const std::vector<std::string>& grants, Env& env) {
  const std::size_t at = email.find('@');
  if (at == 0 || at == std::string::npos || at + 1 == email.size() ||
      email.find_first_of(" \t\r\n") != std::string::npos) {
    throw Error(Fault::Misconfigured, "bad_email", email + " is no e-mail address");
  }
  require_role_and_grants(role, grants);
  return {.id = new_id(env),
          .email = lower_case(email),
          .password = hash_of(password),
          .role = role,
          .grants = grants,
          .locked_until = {},
          .created_at = env.now()};
}

catalog::User change_user(catalog::Catalog& catalog, const std::string& id,
                          const UserChange& change) {
  catalog::User user;
  // Two who change the same user must not undo each other's change.
  catalog.atomically([&] {
    user = catalog.user_by_id(id).value();
    if (change.role) user.role = *change.role;
    if (change.grants) user.grants = *change.grants;
    if (user.role == "viewer" && !change.grants) user.grants.clear();
    require_role_and_grants(user.role, user.grants);
    if (change.password) user.password = *change.password;
    user.active = change.active.value_or(user.active);
    user.slack_direct = change.slack_direct.value_or(user.slack_direct);
    user.locked_until.reset();
    catalog.put_user(user);
  });
  return user;
}

json::Value user_json(const catalog::User& user) {
  return {{"id", user.id},
          {"email", user.email},
          {"role", user.role},
          {"grants", user.grants},
          {"status", user.active ? "active" : "deactivated"},
          {"slack_direct", user.slack_direct}};
}

SignedIn sign_in(catalog::Catalog& catalog, const std::string& email, const Secret& password,
                 Env& env) {
  const Instant now = env.now();
  auto user = catalog.user(lower_case(email));
  if (user) require_unlocked(*user, now);
  const bool is_it = is_password(password, user ? user->password : "");
  if (user && !is_it) {
    const std::int64_t failures = user->failures + 1;
    const bool locks = failures >= kWrongMost;
    catalog.note_sign_in(user->id, locks ? 0 : failures,
                         locks ? std::optional<Instant>(now + kLockedFor) : std::nullopt);
    if (locks) catalog.note("user_locked", user->email, "too many wrong passwords");
  }
  if (!is_it || !user->active) {
    throw Error(Fault::Misconfigured, "wrong_sign_in", "E-mail address or password is wrong");
  }
  if (user->failures > 0 || user->locked_until) catalog.note_sign_in(user->id, 0, {});
  return open_session(catalog, *user, env);
}

SignedIn open_session(catalog::Catalog& catalog, const catalog::User& user, Env& env) {
  SignedIn made{
      .user = user, .cookie = random_text(env), .csrf = random_text(env), .lasts = kSessionLasts};
  catalog.put_session({.digest = digest_of(made.cookie),
                       .csrf = digest_of(made.csrf),
                       .user = user.id,
                       .expires_at = env.now() + kSessionLasts});
  return made;
}

std::string cookie_of(const Request& request, std::string_view name) {
  const std::string all = request.header("cookie");
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find(';', at), all.size());
    std::string_view one = std::string_view(all).substr(at, end - at);
    while (one.starts_with(' ')) one.remove_prefix(1);
    const bool is_it = one.starts_with(name) && one.substr(name.size()).starts_with('=');
    if (is_it) return std::string(one.substr(name.size() + 1));
    at = end + 1;
  }
  return {};
}

std::optional<catalog::User> signed_in(const Request& request, catalog::Catalog& catalog) {
  const std::string cookie = cookie_of(request);
  if (cookie.empty()) return {};
  const auto session = catalog.session(digest_of(cookie));
  if (!session) return {};
  auto user = catalog.user_by_id(session->user);
  if (!user || !user->active) return {};
  const bool only_reads = request.method == "GET" || request.method == "HEAD";
  if (!only_reads && digest_of(request.header("x-csrf-token")) != session->csrf) {
    throw Error(Fault::Misconfigured, "forbidden",
                "Forbidden resource: the header X-CSRF-Token does not hold this session's token");
  }
  return user;
}

catalog::ApiKey as_key(const catalog::User& user) {
  catalog::ApiKey key;
  key.id = user.id;
  key.type = "console";
  key.description = user.email;
  if (user.role != "viewer") key.scopes.emplace_back("omni_read_write");
  if (user.role == "admin") key.scopes.emplace_back("can_access_keys");
  key.per_10s = key.per_15min = 0;
  return key;
}

bool has_grant(const catalog::User& user, const std::string& grant, const std::string& connection) {
  if (user.role == "admin") return true;
  if (user.role == "viewer") return false;
  return std::ranges::any_of(user.grants, [&](const std::string& one) {
    return one == grant + ":" + connection || one == grant + ":*";
  });
}

}  // namespace millrace::api
