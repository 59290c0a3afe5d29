#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/key.h"
#include "api/people.h"
#include "api/routes.h"
#include "api/service.h"

namespace millrace::api {
namespace {

const catalog::User& user_of(const Call& call) {
  if (!call.user) not_found("Nobody is signed in: this call came with a key");
  return *call.user;
}

Answer begin(Call& call) {
  const Turns::Turn turn = call.service.turn_to_sign_in(call.request.address);
  const Secret password(text_or_empty(call.body, "password"));
  const SignedIn made =
      sign_in(call.catalog, text_or_empty(call.body, "email"), password, call.service.env());
  json::Value value = user_json(made.user);
  value["csrf_token"] = made.csrf;
  Answer answer = one("Signed in.", std::move(value));
  answer.headers.emplace_back("Set-Cookie", session_cookie(call, made.cookie, made.lasts));
  return answer;
}

Answer read(Call& call) { return one("Session read successfully.", user_json(user_of(call))); }

Answer update(Call& call) {
  const UserChange wish{.slack_direct = flag_in(call.body, "slack_direct")};
  return one("Session updated successfully.",
             user_json(change_user(call.catalog, user_of(call).id, wish)));
}

Answer end(Call& call) {
  user_of(call);
  call.catalog.remove_session(digest_of(cookie_of(call.request)));
  Answer answer = done("Signed out.");
  answer.headers.emplace_back("Set-Cookie", session_cookie(call, "", std::chrono::seconds(0)));
  return answer;
}

constexpr Route kRoutes[] = {
    {.method = "POST",
     .path = "/api/v1/session",
     .about = "Signs in: sets a cookie, and gives the token that changes must bring in "
              "X-CSRF-Token. Five wrong passwords lock the user out for 15 minutes. From one "
              "address 20 people sign in within ten seconds, and 200 within 15 minutes.",
     .body = "{email*: name, password*: name}",
     .gives = "one {id*: text, email*: text, role*: text, grants*: [text], status*: text, "
              "slack_direct*: flag, csrf_token*: text}",
     .refuses = "401 429 503",
     .answer = begin},
    {.method = "GET",
     .path = "/api/v1/session",
     .access = Access::Read,
     .about = "Who is signed in.",
     .gives = "one User",
     .refuses = "404",
     .answer = read},
    {.method = "PATCH",
     .path = "/api/v1/session",
     .access = Access::Read,
     .about = "What the person who is signed in wants to hear of: `slack_direct` sends them what "
              "they are mailed as a direct message in Slack, too.",
     .body = "{slack_direct: flag}",
     .gives = "one User",
     .refuses = "403 404",
     .answer = update},
    {.method = "DELETE",
     .path = "/api/v1/session",
     .access = Access::Read,
     .about = "Signs out.",
     .gives = "done",
     .refuses = "403 404",
     .answer = end},
};

}  // namespace

std::string session_cookie(const Call& call, const std::string& value, std::chrono::seconds lasts) {
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", kSessionCookie,
                     value, lasts.count(), call.service.is_encrypted() ? "; Secure" : "");
}

std::span<const Route> session_routes() { return kRoutes; }

}  // namespace millrace::api
