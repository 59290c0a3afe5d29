#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/routes.h"

namespace millrace::api {
namespace {

struct SortKey {
  std::string_view theirs, column;
};
constexpr SortKey kSortKeys[] = {{"id", "id"},
                                 {"date", "id"},
                                 {"time", "id"},
                                 {"name", "name"},
                                 {"changeLog", "about"},
                                 {"actionType", "action"},
                                 {"updatedBy", "actor_name"},
                                 {"updatedByUserID", "actor_id"}};

json::Value entry_json(const catalog::AuditEntry& entry) {
  const std::string at = shown(entry.at);
  return {
      {"id", fmt::format("{}", entry.id)},
      {"name", entry.name},
      {"changeLog", entry.about},
      {"actionType", entry.action},
      {"date", at.substr(0, 10)},
      {"time", at},
      {"updatedBy", entry.actor.name},
      {"updatedByUserID", entry.actor.id},
      {"updatedByKind", entry.actor.kind},
      {"modifierEmail", entry.actor.kind == "user" ? json::Value(entry.actor.name) : json::Value()},
      {"changes", json::parse(entry.changes, "changes in the audit log")},
      {"tags", json::Value::array()}};
}

std::optional<std::int64_t> id_in(const Request& request, const char* name) {
  const std::string text = request.parameter(name);
  if (text.empty()) return {};
  return std::stoll(text);
}

/// Days of the project's zone; either end may be open.
std::optional<Interval> interval_in(Call& call) {
  const std::string first = call.request.parameter("startDate");
  const std::string last = call.request.parameter("endDate");
  if (first.empty() && last.empty()) return {};
  const Zone zone = call.catalog.project().zone;
  Interval at{Instant::min(), Instant::max()};
  if (!first.empty()) at.start = zone.bounds(day_in(first, "startDate")).start;
  if (!last.empty()) at.end = zone.bounds(day_in(last, "endDate")).end;
  return at;
}

Answer audit_logs(Call& call) {
  const Request& request = call.request;
  const Page page = page_of(request);
  catalog::AuditFilter filter{
      .id = id_in(request, "id"), .latest = id_in(request, "latestID"), .at = interval_in(call)};
  for (const char* name : {"actionType", "actionTypes"}) {
    const auto [first, last] = request.query.equal_range(name);
    for (auto one = first; one != last; ++one) filter.actions.push_back(one->second);
  }
  if (const std::string key = request.parameter("sortKey"); !key.empty()) {
    filter.order = std::ranges::find(kSortKeys, key, &SortKey::theirs)->column;
  }
  filter.ascending = request.parameter("sortOrder") == "asc";
  filter.limit = page.limit + 1;
  filter.skip = page.skip();
  std::vector<json::Value> rows;
  // Nothing of ours has tags.
  if (request.parameter("tags").empty()) {
    for (const auto& entry : call.catalog.audit(filter)) rows.push_back(entry_json(entry));
  }
  return list("Audit logs listed successfully.", request, page, std::move(rows));
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/console/v1/audit_logs",
     .access = Access::Read,
     .about = "Every change, and every call that was refused, newest first.",
     .query = "{id: integer, sortKey: "
              "id|name|changeLog|actionType|date|time|updatedBy|updatedByUserID, "
              "sortOrder: asc|desc, latestID: integer, tags: [text], actionType: [text], "
              "actionTypes: [text], startDate: day, endDate: day, page: page, limit: limit}",
     .gives = "list AuditEntry",
     .answer = audit_logs},
};

}  // namespace

std::span<const Route> audit_routes() { return kRoutes; }

}  // namespace millrace::api
