#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api/key.h"
#include "api/routes.h"
#include "api/service.h"
#include "base/error.h"

namespace millrace::api {
namespace {

std::string shown_type(const catalog::ApiKey& key) {
  return key.type == "console" ? "CONSOLE" : key.type == "secret" ? "SERVER" : "CLIENT";
}

std::string type_in(const std::string& type) {
  const std::map<std::string, std::string> types{
      {"CONSOLE", "console"}, {"SERVER", "secret"}, {"CLIENT", "client"}};
  return types.at(type);
}

json::Value key_json(const catalog::ApiKey& key) {
  return {{"id", key.id},
          {"key", key.hint},
          {"type", shown_type(key)},
          {"description", key.description},
          {"scopes", key.scopes},
          {"environments", json::Value::array()},
          {"primaryTargetApp", nullptr},
          {"secondaryTargetApps", json::Value::array()},
          {"status", key.active ? "active" : "deactivated"},
          {"per_10s", key.per_10s},
          {"per_15min", key.per_15min},
          {"lastUsedAt", key.last_used_at ? json::Value(shown(*key.last_used_at)) : nullptr}};
}

std::vector<std::string> scopes_in(const json::Value& body, const std::string& type) {
  std::vector<std::string> scopes = texts(body, "scopes");
  require_scopes(type, scopes);
  return scopes;
}

/// Requests that the key may make; 0: any number.
void read_limits(const json::Value& body, catalog::ApiKey& key) {
  const auto read = [&](const char* name, std::int64_t& limit) {
    if (!is_given(body, name)) return;
    limit = body.at(name).get<std::int64_t>();
    if (limit < 0) bad_request(fmt::format("{} must not be negative; 0 means no limit", name));
  };
  read("per_10s", key.per_10s);
  read("per_15min", key.per_15min);
}

std::string description_in(const json::Value& body) {
  const std::string description = text_or_empty(body, "description");
  constexpr std::size_t kLongest = 1'000;
  if (description.size() > kLongest) bad_request("description is longer than 1000 characters");
  return description;
}

/// By id, or by the key itself.
catalog::ApiKey key_in(Call& call) {
  const std::string digest = digest_of(call.id);
  for (catalog::ApiKey& key : call.catalog.keys()) {
    if (key.id == call.id || key.digest == digest) return std::move(key);
  }
  not_found("Key not found");
}

Answer keys(Call& call) {
  const Page page = page_of(call.request);
  std::vector<json::Value> rows;
  for (const catalog::ApiKey& key : call.catalog.keys()) rows.push_back(key_json(key));
  return list("Keys listed successfully.", call.request, page, page.of(std::move(rows)));
}

Answer create(Call& call) {
  const std::string type = type_in(text_or_empty(call.body, "type"));
  NewKey key = make_key(type, description_in(call.body), call.service.env());
  if (call.body.contains("scopes")) key.kept.scopes = scopes_in(call.body, type);
  read_limits(call.body, key.kept);
  call.catalog.put_key(key.kept);
  json::Value value = key_json(key.kept);
  value["key"] = key.text;
  return one("Key created successfully.", std::move(value));
}

Answer read(Call& call) { return one("Key read successfully.", key_json(key_in(call))); }

Answer update(Call& call) {
  catalog::ApiKey key = key_in(call);
  if (!text_or_empty(call.body, "description").empty()) key.description = description_in(call.body);
  if (is_given(call.body, "scopes")) key.scopes = scopes_in(call.body, key.type);
  read_limits(call.body, key);
  call.catalog.put_key(key);
  return one("Key updated successfully.", key_json(key));
}

Answer deactivate(Call& call) {
  catalog::ApiKey key = key_in(call);
  key.active = false;
  call.catalog.put_key(key);
  return one("Key deactivated successfully.", key_json(key));
}

Answer remove(Call& call) {
  call.catalog.remove_key(key_in(call).id);
  return done("Key deleted successfully.");
}

/// The old key ends at once: who needs both for a while makes a second one first.
Answer rotate(Call& call) {
  catalog::ApiKey key = key_in(call);
  const NewKey made = make_key(key.type, key.description, call.service.env());
  key.digest = made.kept.digest;
  key.hint = made.kept.hint;
  call.catalog.put_key(key);
  json::Value value = key_json(key);
  value["key"] = made.text;
  return one("Key rotated successfully.", std::move(value));
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/console/v1/keys",
     .access = Access::Keys,
     .about = "All keys; of each only its beginning is known.",
     .query = "{page: page, limit: limit}",
     .gives = "list Key",
     .answer = keys},
    {.method = "POST",
     .path = "/console/v1/keys",
     .access = Access::Keys,
     .about = "A new key, shown once. `per_10s` and `per_15min` are the requests it may make, 100 "
              "and 900 where they are not given; 0: any number.",
     .body = "{description*: name, type*: CONSOLE|SERVER|CLIENT, scopes: [text], "
             "per_10s: integer, per_15min: integer}",
     .gives = "one Key",
     .answer = create},
    {.method = "GET",
     .path = "/console/v1/keys/{id}",
     .access = Access::Keys,
     .about = "One key, by its id or by itself.",
     .gives = "one Key",
     .answer = read},
    {.method = "PATCH",
     .path = "/console/v1/keys/{id}",
     .access = Access::Keys,
     .about = "Another description, other scopes or limits.",
     .body = "{description: name, scopes: [text], per_10s: integer, per_15min: integer}",
     .gives = "one Key",
     .answer = update},
    {.method = "PATCH",
     .path = "/console/v1/keys/{id}/deactivate",
     .access = Access::Keys,
     .about = "From now on calls with it answer 401.",
     .gives = "one Key",
     .answer = deactivate},
    {.method = "PATCH",
     .path = "/console/v1/keys/{id}/rotate",
     .access = Access::Keys,
     .about = "Another key in its place, shown once; the old one ends at once.",
     .gives = "one Key",
     .answer = rotate},
    {.method = "DELETE",
     .path = "/console/v1/keys/{id}",
     .access = Access::Keys,
     .about = "Forgets the key; the audit log remembers that there was one.",
     .gives = "done",
     .answer = remove},
};

}  // namespace

std::span<const Route> key_routes() { return kRoutes; }

}  // namespace millrace::api
