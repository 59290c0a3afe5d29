#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/issuer.h"
#include "api/key.h"
#include "api/people.h"
#include "api/routes.h"
#include "api/service.h"
#include "base/http.h"
#include "base/letters.h"

namespace millrace::api {
namespace {

constexpr std::string_view kCookie = "millrace_oidc";
constexpr std::string_view kFallback = "/docs";
constexpr int kAttemptSeconds = 600;

Issuer& issuer_of(const Call& call) {
  if (Issuer* issuer = call.service.issuer()) return *issuer;
  not_found("Nobody signs in through an issuer here: millrace.toml has no [server.oidc]");
}

/// What the browser keeps meanwhile. Lax: it comes back from another site.
std::string attempt_cookie(const Call& call, const std::string& value, int seconds) {
  return fmt::format("{}={}; Path=/api/v1/session/oidc; Max-Age={}; HttpOnly; SameSite=Lax{}",
                     kCookie, value, seconds, call.service.is_encrypted() ? "; Secure" : "");
}

/// A page of ours, and nothing that a browser would take for another site's.
bool is_own_page(const std::string& path) {
  return path.starts_with('/') && !path.starts_with("//") &&
         path.find_first_of("\\\"'<>") == std::string::npos &&
         std::ranges::none_of(path, [](unsigned char c) { return c <= ' ' || c >= 0x7f; });
}

Answer begin(Call& call) {
  Issuer& issuer = issuer_of(call);
  std::string to = call.request.parameter("to");
  if (to.empty()) to = kFallback;
  if (!is_own_page(to)) bad_request("to must be a path of this service, such as /docs");
  const std::string secret = random_text(call.service.env());
  Answer answer{.status = 302};
  answer.headers = {
      {"Location", issuer.sign_in_address(SignInAttempt(secret))},
      {"Content-Type", "text/html; charset=utf-8"},
      {"Set-Cookie", attempt_cookie(call, secret + "." + url_escaped(to), kAttemptSeconds)}};
  return answer;
}

[[noreturn]] void wrong_sign_in(const std::string& what,
                                const std::string& advice = "Begin again") {
  throw Error(Fault::Misconfigured, "wrong_sign_in", what, advice);
}

/// The person's e-mail address, as far as the issuer vouches for it.
std::string vouched_email(const Person& person, const definition::Oidc& settings) {
  if (person.email.empty()) {
    wrong_sign_in("The issuer does not say which e-mail address you have",
                  "Let it give the claim \"email\" to this client");
  }
  if (!person.is_verified.value_or(settings.trust_email)) {
    wrong_sign_in(fmt::format("The issuer does not vouch for the address {}", person.email),
                  person.is_verified
                      ? "Let it be verified there"
                      : "An admin who trusts the issuer's addresses sets trust_email under "
                        "[server.oidc]");
  }
  return person.email;
}

catalog::User user_of(Call& call, const Person& person, const definition::Oidc& settings) {
  const std::string email = vouched_email(person, settings);
  auto user = call.catalog.user(lower_case(email));
  if (!user && settings.create_role.empty()) {
    wrong_sign_in(
        fmt::format("{} is no user of this project", email),
        fmt::format("An admin lets them in: millrace user create {} --role viewer", email));
  }
  if (user && !user->active)
    wrong_sign_in(fmt::format("{} was deactivated", email), "Ask an admin");
  if (user) return *std::move(user);
  // Nobody knows the password: it is set by `user change --password`, if ever.
  Env& env = call.service.env();
  catalog::User made = make_user(email, Secret(random_text(env)), settings.create_role, {}, env);
  call.catalog.act_as({.kind = "user", .id = made.id, .name = made.email});
  call.catalog.put_user(made);
  return made;
}

/// A redirect would not do: the browser came from another site, so it would not send a strict
/// cookie to where it is redirected. The page's own step is one within this site.
Answer signed_in_page(const Call& call, const SignedIn& made, const std::string& to) {
  const std::string nonce = random_text(call.service.env());
  Answer answer;
  answer.body = fmt::format(
      R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Signed in</title></head>
<body data-csrf-token="{}" data-to="{}"><p>Signed in. <a href="{}">Go on</a></p>
<script nonce="{}">
sessionStorage.setItem("millrace_csrf_token", document.body.dataset.csrfToken);
location.replace(document.body.dataset.to);
</script></body></html>
)",
      made.csrf, to, to, nonce);
  answer.headers = {
      {"Content-Type", "text/html; charset=utf-8"},
      {"Content-Security-Policy",
       fmt::format("default-src 'none'; script-src 'nonce-{}'; frame-ancestors 'none'", nonce)},
      {"Referrer-Policy", "no-referrer"},
      {"Set-Cookie", session_cookie(call, made.cookie, made.lasts)},
      {"Set-Cookie", attempt_cookie(call, "", 0)}};
  return answer;
}

Answer come_back(Call& call) {
  Issuer& issuer = issuer_of(call);
  const std::string kept = cookie_of(call.request, kCookie);
  const SignInAttempt attempt(kept.substr(0, kept.find('.')));
  const std::string state = call.request.parameter("state");
  if (kept.empty() || state != attempt.state()) {
    wrong_sign_in("This sign-in was not begun in this browser, or more than ten minutes ago");
  }
  if (const std::string error = call.request.parameter("error"); !error.empty()) {
    wrong_sign_in(fmt::format("The issuer let nobody in: {} {}", error,
                              call.request.parameter("error_description")));
  }
  const std::string code = call.request.parameter("code");
  if (code.empty()) bad_request("code is missing: the issuer adds it");
  const Person person = issuer.person(code, attempt, call.service.client_secret(call.catalog));
  const catalog::User user = user_of(call, person, issuer.settings());
  Request back;
  const std::size_t dot = kept.find('.');
  const bool is_known = dot != std::string::npos &&
                        read_target("/?to=" + kept.substr(dot + 1), back) &&
                        is_own_page(back.parameter("to"));
  return signed_in_page(call, open_session(call.catalog, user, call.service.env()),
                        is_known ? back.parameter("to") : std::string(kFallback));
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/api/v1/session/oidc",
     .about = "Sends a browser to the issuer of [server.oidc] to sign in; `to` is the page that it "
              "comes back to at the end.",
     .query = "{to: text}",
     .status = 302,
     .gives = "text/html",
     .refuses = "404 503",
     .answer = begin},
    {.method = "GET",
     .path = "/api/v1/session/oidc/callback",
     .about =
         "Where the issuer sends the browser back to: sets the session's cookie; the page keeps "
         "the token for changes as `millrace_csrf_token` of its `sessionStorage`.",
     .query = "{code: text, state: text, error: text, error_description: text}",
     .gives = "text/html",
     .refuses = "401 404 503",
     .answer = come_back},
};

}  // namespace

std::span<const Route> oidc_routes() { return kRoutes; }

}  // namespace millrace::api
