#include <nlohmann/json.hpp>

#include "api/password.h"
#include "api/people.h"
#include "api/routes.h"
#include "api/service.h"
#include "base/letters.h"

namespace millrace::api {
namespace {

/// By id, or by the address.
catalog::User user_in(Call& call) {
  auto user = call.catalog.user_by_id(call.id);
  if (!user) user = call.catalog.user(lower_case(call.id));
  if (!user) not_found("User not found");
  return *std::move(user);
}

Answer users(Call& call) {
  const Page page = page_of(call.request);
  std::vector<json::Value> rows;
  for (const catalog::User& user : call.catalog.users()) rows.push_back(user_json(user));
  return list("Users listed successfully.", call.request, page, page.of(std::move(rows)));
}

Answer create(Call& call) {
  const Secret password(text_or_empty(call.body, "password"));
  const catalog::User user =
      make_user(text_or_empty(call.body, "email"), password, text_or_empty(call.body, "role"),
                texts(call.body, "grants"), call.service.env());
  call.catalog.put_user(user);
  Answer answer = one("User created successfully.", user_json(user));
  answer.status = 201;
  return answer;
}

Answer read(Call& call) { return one("User read successfully.", user_json(user_in(call))); }

Answer update(Call& call) {
  const catalog::User user = user_in(call);
  UserChange change{.slack_direct = flag_in(call.body, "slack_direct")};
  if (is_given(call.body, "role")) change.role = text_or_empty(call.body, "role");
  if (is_given(call.body, "grants")) change.grants = texts(call.body, "grants");
  if (is_given(call.body, "status")) change.active = text_or_empty(call.body, "status") == "active";
  if (is_given(call.body, "password")) {
    change.password = hash_of(Secret(text_or_empty(call.body, "password")));
  }
  return one("User updated successfully.", user_json(change_user(call.catalog, user.id, change)));
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/api/v1/users",
     .access = Access::Keys,
     .about = "All users, also deactivated ones.",
     .query = "{page: page, limit: limit}",
     .gives = "list User",
     .answer = users},
    {.method = "POST",
     .path = "/api/v1/users",
     .access = Access::Keys,
     .about =
         "Lets a person sign in. A password has at least 10 characters; grants are of editors, "
         "`connection.use:NAME` and `rows.read:NAME`.",
     .body = "{email*: name, password*: name, role*: viewer|editor|admin, grants: [text]}",
     .status = 201,
     .gives = "one User",
     .refuses = "409",
     .answer = create},
    {.method = "GET",
     .path = "/api/v1/users/{id}",
     .access = Access::Keys,
     .about = "One user, by id or by e-mail address.",
     .gives = "one User",
     .answer = read},
    {.method = "PATCH",
     .path = "/api/v1/users/{id}",
     .access = Access::Keys,
     .about =
         "Changes what is given, and ends a lock-out. Another password, or `deactivated`, ends "
         "the user's sessions. The last active admin stays one: 409.",
     .body = "{role: viewer|editor|admin, grants: [text], status: active|deactivated, "
             "password: name, slack_direct: flag}",
     .gives = "one User",
     .refuses = "409",
     .answer = update},
};

}  // namespace

std::span<const Route> user_routes() { return kRoutes; }

}  // namespace millrace::api
