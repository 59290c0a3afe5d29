#include "api/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "api/people.h"
#include "base/error.h"
#include "base/http.h"
#include "base/letters.h"

namespace millrace::api {
namespace {

struct TypeName {
  std::string_view ours, theirs;
};
/// Where two kinds are one type, the first is meant unless a call says otherwise.
constexpr TypeName kTypeNames[] = {{"bigquery", "bigquery-v2"},
                                   {"snowflake", "snowflake-v2"},
                                   {"synapse", "azure-synapse"},
                                   {"databricks", "databricks"},
                                   {"delta_sharing", "databricks"}};

/// The same question about another page: a path and a query, as callers know it.
std::string address_of(const Request& request, std::int64_t number) {
  std::string address = request.path + "?page=" + std::to_string(number);
  for (const auto& [name, value] : request.query) {
    if (name == "page") continue;
    address += "&" + name + "=" + url_escaped(value);
  }
  return address;
}

}  // namespace

std::span<const Route> routes() {
  static const std::vector<Route> all = [] {
    std::vector<Route> joined;
    for (const auto part :
         {state_routes(), ready_routes(), ingestion_routes(), run_routes(), data_routes(),
          event_routes(), unit_type_routes(), key_routes(), audit_routes(), connection_routes(),
          day_routes(), command_routes(), settings_routes(), progress_routes(), user_routes(),
          session_routes(), oidc_routes()}) {
      joined.insert(joined.end(), part.begin(), part.end());
    }
    return joined;
  }();
  return all;
}

std::vector<int> statuses_of(const Route& route) {
  std::set<int> all{route.status};
  if (route.access != Access::Open) all.insert({401, 429, 503});
  if (route.access != Access::Open && route.access != Access::Read) all.insert(403);
  if (!route.query.empty() || !route.body.empty()) all.insert(400);
  if (route.path.find('{') != std::string_view::npos) all.insert({400, 404});
  for (std::size_t at = 0; at < route.refuses.size(); at += 4) {
    all.insert(std::stoi(std::string(route.refuses.substr(at, 3))));
  }
  return {all.begin(), all.end()};
}

const Shape& shape_in(std::string_view text) {
  static const std::map<std::string_view, Shape> all = [] {
    std::map<std::string_view, Shape> read;
    for (const Route& route : routes()) {
      for (const std::string_view written : {route.query, route.body, route.gives}) {
        std::string_view shape = written;
        if (shape.starts_with("one ") || shape.starts_with("list ")) {
          shape.remove_prefix(shape.find(' ') + 1);
        }
        if (!shape.empty() && shape != "done" && !shape.starts_with("text/"))
          read[written] = read_shape(shape);
      }
    }
    return read;
  }();
  return all.at(text);
}

Answer one(std::string_view message, json::Value data) {
  return {200, json::Value{{"message", message}, {"data", std::move(data)}}.dump(), {}};
}

Answer done(std::string_view message) {
  return {200, json::Value{{"message", message}}.dump(), {}};
}

std::int64_t number_in(const Request& request, const char* name, std::int64_t fallback) {
  const std::string text = request.parameter(name);
  return text.empty() ? fallback : std::stoll(text);
}

Page page_of(const Request& request) {
  const Page usual;
  return {number_in(request, "page", usual.number), number_in(request, "limit", usual.limit)};
}

std::vector<json::Value> Page::of(std::vector<json::Value> all) const {
  const auto first = all.begin() + std::min<std::int64_t>(skip(), std::ssize(all));
  const auto last = first + std::min<std::int64_t>(limit + 1, all.end() - first);
  return {std::make_move_iterator(first), std::make_move_iterator(last)};
}

Answer list(std::string_view message, const Request& request, const Page& page,
            std::vector<json::Value> data) {
  const bool more = std::ssize(data) > page.limit;
  if (more) data.resize(static_cast<std::size_t>(page.limit));
  json::Value pagination{{"itemsPerPage", page.limit}, {"pageNumber", page.number}};
  pagination["nextPage"] = more ? json::Value(address_of(request, page.number + 1)) : nullptr;
  pagination["previousPage"] =
      page.number > 1 ? json::Value(address_of(request, page.number - 1)) : nullptr;
  json::Value reply;
  reply["message"] = message;
  reply["data"] = std::move(data);
  reply["pagination"] = std::move(pagination);
  return {200, reply.dump(), {}};
}

void require_grant(const Call& call, const std::string& grant, const std::string& connection) {
  if (!call.user || has_grant(*call.user, grant, connection)) return;
  throw Error(Fault::Misconfigured, "forbidden",
              fmt::format("Forbidden resource: {} lacks the grant {}:{}", call.user->email, grant,
                          connection));
}

void bad_request(const std::string& message) {
  throw Error(Fault::Misconfigured, "bad_request", message);
}

void not_found(const std::string& message) {
  throw Error(Fault::Misconfigured, "not_found", message);
}

bool is_given(const json::Value& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && !found->is_null();
}

std::string text_or_empty(const json::Value& body, const char* name) {
  return is_given(body, name) ? body[name].get<std::string>() : std::string();
}

std::optional<bool> flag_in(const json::Value& body, const char* name) {
  if (!is_given(body, name)) return {};
  return body[name].get<bool>();
}

std::vector<std::string> texts(const json::Value& body, const char* name) {
  if (!is_given(body, name)) return {};
  const json::Value& given = body[name];
  if (given.is_string()) return {given.get<std::string>()};
  std::vector<std::string> all;
  for (const auto& item : given) all.push_back(item.get<std::string>());
  return all;
}

Day day_in(const std::string& text, const char* name) {
  const auto day = Day::parse(text);
  if (!day) bad_request(fmt::format("{} must be a date such as 2026-11-20, not {}", name, text));
  return *day;
}

Dataset dataset_in(const std::string& text) {
  const std::string word = lower_case(text);
  if (word == "export_exposures") return Dataset::Exposures;
  if (word == "export_events") return Dataset::Events;
  if (const auto dataset = dataset_named(word)) return *dataset;
  bad_request(
      fmt::format("there is no dataset {}: it is Events, Metrics, export_exposures or "
                  "entity_properties",
                  text));
}

std::string shown(Dataset dataset) {
  switch (dataset) {
    case Dataset::Events:
      return "Events";
    case Dataset::Metrics:
      return "Metrics";
    case Dataset::Exposures:
      return "export_exposures";
    case Dataset::EntityProperties:
      return "entity_properties";
  }
  return {};
}

std::string type_of(std::string_view kind) {
  for (const TypeName& name : kTypeNames) {
    if (name.ours == kind) return std::string(name.theirs);
  }
  return std::string(kind);
}

std::string kind_of(std::string_view type) {
  for (const TypeName& name : kTypeNames) {
    if (name.theirs == type) return std::string(name.ours);
  }
  return std::string(type);
}

std::string shown(Instant instant) {
  const std::string text = to_text(instant);  // 2026-11-24T09:30:00.000000Z
  return text.substr(0, text.size() - 4) + "Z";
}

}  // namespace millrace::api
