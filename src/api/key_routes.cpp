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

constexpr std::string_view kConsoleScopes[] = {"omni_read_only", "omni_read_write",
                                               "can_access_keys"};

std::string shown_type(const catalog::ApiKey& key) {
  return key.type == "console" ? "CONSOLE" : key.type == "secret" ? "SERVER" : "CLIENT";
}

std::string type_in(const std::string& type) {
  const std::map<std::string, std::string> types{
      {"CONSOLE", "console"}, {"SERVER", "secret"}, {"CLIENT", "client"}};
  const auto found = types.find(type);
  if (found == types.end()) bad_request("type must be CONSOLE, SERVER or CLIENT");
  return found->second;
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
          {"lastUsedAt", key.last_used_at ? json::Value(shown(*key.last_used_at)) : nullptr}};
}

std::vector<std::string> scopes_in(const json::Value& body, const std::string& type) {
  std::vector<std::string> scopes = texts(body, "scopes");
  for (const std::string& scope : scopes) {
    if (type == "console" && std::ranges::find(kConsoleScopes, scope) != std::end(kConsoleScopes)) {
      continue;
    }
    bad_request(fmt::format("the scope {} is not known for a {} key", scope, type));
  }
  return scopes;
}

std::string description_in(const json::Value& body) {
  const std::string description = needed_text(body, "description");
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
  const Page page = page_of(call.request, 100);
  std::vector<json::Value> rows;
  std::int64_t skip = page.skip();
  for (const catalog::ApiKey& key : call.catalog.keys()) {
    if (skip-- > 0) continue;
    if (static_cast<std::int64_t>(rows.size()) <= page.limit) rows.push_back(key_json(key));
  }
  return list("Keys listed successfully.", call.request, page, std::move(rows));
}

Answer create(Call& call) {
  const std::string type = type_in(needed_text(call.body, "type"));
  NewKey key = make_key(type, description_in(call.body), call.service.env());
  if (call.body.contains("scopes")) key.kept.scopes = scopes_in(call.body, type);
  call.catalog.put_key(key.kept);
  json::Value value = key_json(key.kept);
  value["key"] = key.text;
  return one("Key created successfully.", std::move(value));
}

Answer read(Call& call) { return one("Key read successfully.", key_json(key_in(call))); }

Answer update(Call& call) {
  catalog::ApiKey key = key_in(call);
  if (call.body.contains("description")) key.description = description_in(call.body);
  if (call.body.contains("scopes")) key.scopes = scopes_in(call.body, key.type);
  call.catalog.put_key(key);
  return one("Key updated successfully.", key_json(key));
}

Answer deactivate(Call& call) {
  catalog::ApiKey key = key_in(call);
  key.active = false;
  call.catalog.put_key(key);
  return one("Key deactivated successfully.", key_json(key));
}

constexpr Route kRoutes[] = {
    {"GET", "/console/v1/keys", Access::Keys, "All keys; of each only its beginning is known.",
     "`page`, `limit`", keys},
    {"POST", "/console/v1/keys", Access::Keys, "A new key, shown once.",
     "`description`*, `type`* CONSOLE, SERVER or CLIENT, `scopes`", create},
    {"GET", "/console/v1/keys/{id}", Access::Keys, "One key, by its id or by itself.", "", read},
    {"PATCH", "/console/v1/keys/{id}", Access::Keys, "Another description, or other scopes.",
     "`description`, `scopes`", update},
    {"PATCH", "/console/v1/keys/{id}/deactivate", Access::Keys,
     "From now on calls with it answer 401.", "", deactivate},
};

}  // namespace

std::span<const Route> key_routes() { return kRoutes; }

}  // namespace millrace::api
