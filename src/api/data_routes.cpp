#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "api/routes.h"
#include "api/service.h"
#include "query/query.h"
#include "store/store.h"

namespace millrace::api {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

/// The last time that a version of the day was published, over these ingestions.
std::map<std::string, Instant> published_at(catalog::Catalog& catalog, const std::string& only,
                                            DayRange range) {
  std::map<std::string, Instant> published;
  for (const Ingestion& source : catalog.ingestions(true)) {
    if (source.definition.dataset != Dataset::Events) continue;
    if (!only.empty() && source.name != only && source.handle != only) continue;
    for (const DayRow& day : catalog.days(source.id, range)) {
      Instant& at = published[day.state.day.text()];
      at = std::max(at, day.loaded_at.value_or(at));
    }
  }
  return published;
}

/// The ids of the sources that are called so, for SQL; nothing is called by an unknown name.
std::string ids_of(catalog::Catalog& catalog, const std::string& name) {
  std::string ids = "''";
  for (const Ingestion& source : catalog.ingestions(true)) {
    if (source.name == name || source.handle == name) ids += ", " + quoted(source.id);
  }
  return ids;
}

DayRange range_in(const Request& request) {
  const DayRange range{day_in(request.parameter("start_date"), "start_date"),
                       day_in(request.parameter("end_date"), "end_date")};
  if (range.last < range.first) bad_request("end_date lies before start_date");
  return range;
}

Answer count(Call& call) {
  const DayRange range = range_in(call.request);
  const std::string source = call.request.parameter("source_name");
  const std::string event = call.request.parameter("event_name");
  std::string sql = fmt::format(
      "select cast(day as varchar) as date, event_name as event, count(*) as count from events "
      "where day between date '{}' and date '{}'",
      range.first.text(), range.last.text());
  if (!source.empty()) sql += fmt::format(" and _ingestion in ({})", ids_of(call.catalog, source));
  if (!event.empty()) sql += fmt::format(" and event_name = {}", quoted(event));
  sql += " group by all order by all";
  const auto published = published_at(call.catalog, source, range);
  store::Store store = call.service.store();
  json::Value rows = json::Value::array();
  query::run(sql, call.catalog, store,
             [&](std::string_view line) {
               json::Value row = json::parse(line, "a row of the count");
               const std::string date = row.at("date").get<std::string>();
               const auto at = published.find(date);
               row["last_updated_time"] =
                   at == published.end() ? json::Value() : json::Value(shown(at->second));
               if (!event.empty()) {
                 rows.push_back(std::move(row));
                 return;
               }
               row.erase("date");
               if (rows.empty() || rows.back()["date"] != date) {
                 rows.push_back({{"date", date}, {"events", json::Value::array()}});
               }
               rows.back()["events"].push_back(std::move(row));
             },
             {});
  return one("Event count read successfully.", std::move(rows));
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/console/v1/ingestion/events/count",
     .access = Access::Read,
     .about = "Stored events per day: of one event, or of each under `events`.",
     .query = "{start_date*: day, end_date*: day, source_name, event_name}",
     .gives = "one [EventCount]",
     .answer = count},
};

}  // namespace

std::span<const Route> data_routes() { return kRoutes; }

}  // namespace millrace::api
