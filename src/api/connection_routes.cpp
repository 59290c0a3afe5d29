#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/connections.h"
#include "api/service.h"
#include "api/shared_source.h"
#include "base/error.h"
#include "definition/files.h"
#include "definition/vault.h"

namespace millrace::api {
namespace {

using Settings = std::map<std::string, std::string>;

/// {"host": "db", "port": 5432}: numbers and flags become texts, null takes a setting away.
Settings settings_in(const json::Value& given) {
  Settings settings;
  for (const auto& [name, value] : given.items()) {
    if (value.is_structured()) bad_request(fmt::format("{} must be a string", name));
    settings[name] = value.is_null()     ? std::string()
                     : value.is_string() ? value.get<std::string>()
                                         : value.dump();
  }
  return settings;
}

Answer kinds(Call&) {
  json::Value all = json::Value::array();
  for (const warehouse::Kind* kind : warehouse::kinds()) {
    all.push_back({{"kind", kind->name},
                   {"title", kind->title},
                   {"about", kind->about},
                   {"settings", settings_json(*kind)}});
  }
  return one("Kinds listed successfully.", std::move(all));
}

Answer connections(Call& call) {
  std::vector<json::Value> rows;
  for (const Connection& one : call.catalog.connections()) rows.push_back(connection_json(one));
  const Page page = page_of(call.request);
  return list("Connections listed successfully.", call.request, page, page.of(std::move(rows)));
}

Answer read(Call& call) {
  return one("Connection read successfully.", connection_json(connection_named(call, call.id)));
}

Answer create(Call& call) {
  Connection made{.name = text_or_empty(call.body, "name"),
                  .kind = text_or_empty(call.body, "kind"),
                  .settings = {},
                  .managed_by = "api"};
  definition::require_name(made.name, "connection");
  call.catalog.atomically([&] {
    if (call.catalog.connection(made.name)) {
      throw Error(Fault::Conflict, "name_taken",
                  fmt::format("there is a connection {} already", made.name));
    }
    made = put_settings(call, made, settings_in(call.body.at("settings")));
  });
  Answer answer = one("Connection created successfully.", connection_json(made));
  answer.status = 201;
  return answer;
}

Answer update(Call& call) {
  Connection known = connection_named(call, call.id);
  require_ours(known);
  return one("Connection updated successfully.",
             connection_json(put_settings(call, known, settings_in(call.body.at("settings")))));
}

Answer remove(Call& call) {
  const Connection known = connection_named(call, call.id);
  require_ours(known);
  call.catalog.atomically([&] {
    call.catalog.remove_connection(known.name);
    for (const auto& [name, value] : known.settings) {
      call.catalog.remove_secret(definition::secret_name(known.name, name));
    }
  });
  return done("Connection deleted successfully.");
}

Answer test(Call& call) {
  return one("Connection tested.",
             ask(call, connection_named(call, call.id), {.verb = Verb::Probe}));
}

Answer tables(Call& call) {
  return one("Tables listed successfully.",
             ask(call, connection_named(call, call.id),
                 {.verb = Verb::Browse, .text = call.request.parameter("pattern")}));
}

Answer columns(Call& call) {
  return one("Columns listed successfully.",
             ask(call, connection_named(call, call.id),
                 {.verb = Verb::Columns, .text = call.request.parameter("table")}));
}

/// What a query gives now, before there is an ingestion of it.
Answer sample(Call& call) {
  require_grant(call, "rows.read", call.id);
  WorkOrder order{.verb = Verb::Sample};
  order.definition.query = text_or_empty(call.body, "query");
  if (const auto rows = call.body.find("rows"); rows != call.body.end() && !rows->is_null()) {
    order.rows = rows->get<std::int64_t>();
  }
  const std::string day = text_or_empty(call.body, "day");
  const Zone zone = call.catalog.project().zone;
  order.days = {
      {.day = day.empty() ? zone.day_of(call.service.env().now()).plus(-1) : day_in(day, "day")}};
  return one("Sample read successfully.", ask(call, connection_named(call, call.id), order));
}

// -- the contract's

/// How the contract calls settings of Databricks that have other names here.
std::string setting_of(const std::string& type, const std::string& name) {
  if (type != "databricks") return name;
  if (name == "path") return "http_path";
  return name == "access_token" ? "token" : name;
}

/// The connection of this name, or a new one, to be told where it leads.
Connection ours_named(Call& call, std::string_view name, std::string_view kind) {
  auto known = call.catalog.connection(std::string(name));
  if (!known) {
    return {
        .name = std::string(name), .kind = std::string(kind), .settings = {}, .managed_by = "api"};
  }
  if (known->kind != kind) {
    throw Error(Fault::Conflict, "name_taken",
                fmt::format("there is a connection {} already, of kind {}", name, known->kind));
  }
  require_ours(*known);
  return *std::move(known);
}

/// One connection, or one more for what is shared, made or told anew: who sends the same again
/// changes nothing.
Answer databricks(Call& call) {
  constexpr const char* kName = "databricks";
  const std::string profile = profile_text(call.body);
  std::string host = text_or_empty(call.body, "host");
  if (const auto scheme = host.find("://"); scheme != std::string::npos) host.erase(0, scheme + 3);
  while (host.ends_with('/')) host.pop_back();
  Connection made;
  call.catalog.atomically([&] {
    made = put_settings(call, ours_named(call, kName, kName),
                        {{"host", host},
                         {"http_path", text_or_empty(call.body, "path")},
                         {"token", text_or_empty(call.body, "token")}});
    if (!profile.empty()) {
      put_settings(call, ours_named(call, kSharingConnection, kSharingKind),
                   {{"profile", profile}});
    }
  });
  json::Value data{{"name", made.name}, {"host", host}, {"path", made.settings["http_path"]}};
  if (!profile.empty()) data["sharing"] = kSharingConnection;
  return one("Ingestion created successfully.",
             {{"id", made.name}, {"type", kName}, {"enabled", false}, {"data", data}});
}

/// accountName -> account_name: the contract writes settings so.
std::string underscored(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (std::isupper(static_cast<unsigned char>(c))) {
      out += '_';
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out;
}

/// The connection that one member of `wh_connections` is about: the only one of its type, or the
/// one that its `name` says.
Connection meant(Call& call, const std::string& type, const std::string& name) {
  std::vector<Connection> found;
  std::vector<std::string> names;
  for (Connection& one : call.catalog.connections()) {
    if (one.kind != kind_of(type) || (!name.empty() && one.name != name)) continue;
    names.push_back(one.name);
    found.push_back(std::move(one));
  }
  if (found.empty()) not_found(fmt::format("There is no connection of type {}", type));
  if (found.size() > 1) {
    bad_request(fmt::format("{}.name is required: it may be {}", type, fmt::join(names, ", ")));
  }
  return std::move(found.front());
}

Answer update_of_contract(Call& call) {
  if (call.body.empty()) bad_request("name a type of warehouse, with what shall change");
  call.catalog.atomically([&] {
    for (const auto& [type, given] : call.body.items()) {
      Settings settings;
      for (const auto& [name, value] : settings_in(given)) {
        settings[setting_of(type, underscored(name))] = value;
      }
      const std::string name = settings.contains("name") ? settings.extract("name").mapped() : "";
      const Connection known = meant(call, type, name);
      require_ours(known);
      put_settings(call, known, settings);
    }
  });
  return done("Connection updated successfully");
}

constexpr Route kRoutes[] = {
    {.method = "POST",
     .path = "/console/v1/ingestion/connection/databricks",
     .access = Access::Write,
     .about = "The connection `databricks`, made, or told where it leads now; an ingestion of the "
              "type uses it. `path` is that of a SQL warehouse. `deltaSharingCredentials`, the "
              "provider's profile, make the connection `databricks_sharing`, which sources with "
              "`use_delta_sharing` use. `verified` is the caller's word and changes nothing: POST "
              "/api/v1/connections/databricks/test asks.",
     .body = "{token*: name, host*: name, path*: name, deltaSharingCredentials: any, "
             "verified: flag}",
     .gives = "one {id*: text, type*: text, enabled*: flag, data*: object}",
     .refuses = "409",
     .answer = databricks},
    {.method = "PATCH",
     .path = "/console/v1/wh_connections",
     .access = Access::Write,
     .about = "Other settings, by type of warehouse; `name` says which where there are several.",
     .body = "{: {: any}}",
     .gives = "done",
     .refuses = "404 409",
     .answer = update_of_contract},
    {.method = "GET",
     .path = "/api/v1/kinds",
     .access = Access::Read,
     .about = "What can be connected, with the settings of each.",
     .gives = "one [Kind]",
     .answer = kinds},
    {.method = "GET",
     .path = "/api/v1/connections",
     .access = Access::Read,
     .about = "The connections, without secrets.",
     .query = "{page: page, limit: limit}",
     .gives = "list Connection",
     .answer = connections},
    {.method = "POST",
     .path = "/api/v1/connections",
     .access = Access::Write,
     .about = "A new one. Secrets are sent as they are, and encrypted.",
     .body = "{name*: name, kind*: name, settings*: {: any}}",
     .status = 201,
     .gives = "one Connection",
     .refuses = "409",
     .answer = create},
    {.method = "GET",
     .path = "/api/v1/connections/{id}",
     .access = Access::Read,
     .about = "One, by its name.",
     .gives = "one Connection",
     .answer = read},
    {.method = "PATCH",
     .path = "/api/v1/connections/{id}",
     .access = Access::Write,
     .about = "Other settings; null takes one away. Secrets are given again when anything else "
              "changes.",
     .body = "{settings*: {: any}}",
     .gives = "one Connection",
     .refuses = "409",
     .answer = update},
    {.method = "DELETE",
     .path = "/api/v1/connections/{id}",
     .access = Access::Write,
     .about = "Forgets one that nothing uses, and its secrets.",
     .gives = "done",
     .refuses = "409",
     .answer = remove},
    {.method = "POST",
     .path = "/api/v1/connections/{id}/test",
     .access = Access::Use,
     .about = "Reach, credentials, permissions: each step with advice where it fails.",
     .gives = "one ProbeReport",
     .refuses = "409",
     .answer = test},
    {.method = "GET",
     .path = "/api/v1/connections/{id}/tables",
     .access = Access::Use,
     .about = "Its tables.",
     .query = "{pattern}",
     .gives = "one [{schema*: text, name*: text, kind*: text}]",
     .refuses = "409",
     .answer = tables},
    {.method = "GET",
     .path = "/api/v1/connections/{id}/columns",
     .access = Access::Use,
     .about = "The columns of a table.",
     .query = "{table*: name}",
     .gives = "one [object]",
     .refuses = "409",
     .answer = columns},
    {.method = "POST",
     .path = "/api/v1/connections/{id}/sample",
     .access = Access::Sample,
     .about = "A few rows of a query; of yesterday, or of `day`.",
     .body = "{query*: name, day: day, rows: limit}",
     .gives = "one {columns*: [object], rows*: [object], notes: [text]}",
     .refuses = "409",
     .answer = sample},
};

}  // namespace

std::span<const Route> connection_routes() { return kRoutes; }

}  // namespace millrace::api
