#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "api/patience.h"
#include "api/routes.h"
#include "api/service.h"
#include "engine/database.h"
#include "pipeline/count.h"
#include "query/query.h"

namespace millrace::api {
namespace {

using engine::literal;

// -- events as they came

constexpr int kRecentDays = 7;
constexpr std::int64_t kRecentMost = 1'000;

/// The units of an event that are there, without our prefix.
json::Value event_json(json::Value row) {
  json::Value event{{"timestamp", row.at("timestamp")},
                    {"name", row.at("name")},
                    {"source", row.at("source")},
                    {"value", row.at("value")},
                    {"userID", nullptr},
                    {"unitIDs", json::Value::object()}};
  constexpr std::string_view kPrefix = "unit_";
  for (const auto& [name, value] : row.items()) {
    if (!name.starts_with(kPrefix) || value.is_null()) continue;
    const std::string unit = name.substr(kPrefix.size());
    event["unitIDs"][unit] = value;
    if (unit == "userID") event["userID"] = value;
  }
  json::Value metadata = json::Value::object();
  if (row.at("metadata").is_string()) {
    metadata = json::Value::parse(row["metadata"].get<std::string>(), nullptr, false);
  }
  event["metadata"] = metadata.is_object() ? std::move(metadata) : json::Value::object();
  return event;
}

Answer recent(Call& call, const std::string& name) {
  for (const Ingestion& source : call.catalog.ingestions(true)) {
    if (source.definition.dataset == Dataset::Events) {
      require_grant(call, "rows.read", source.connection);
    }
  }
  const Page page = page_of(call.request);
  const Day today = call.catalog.project().zone.day_of(call.service.env().now());
  const std::int64_t left = std::max<std::int64_t>(kRecentMost - page.skip(), 0);
  const std::string sql = fmt::format(
      "select cast(epoch_ms(ts) as varchar) as timestamp, event_name as name, "
      "ingestion as source, coalesce(value_text, cast(value as varchar)) as value, "
      "columns('^unit_.*'), metadata from events where day > date '{}' {} "
      "order by ts desc, event_name, _load limit {} offset {}",
      today.plus(-kRecentDays).text(), name.empty() ? "" : "and event_name = " + literal(name),
      std::min(page.limit + 1, left), page.skip());
  std::vector<json::Value> rows;
  store::Store store = call.service.store();
  query::run(sql, call.catalog, store,
             [&](std::string_view line) {
               rows.push_back(event_json(json::parse(line, "a stored event")));
             },
             {});
  return list("Events listed successfully.", call.request, page, std::move(rows));
}

Answer events(Call& call) { return recent(call, {}); }
Answer events_of_name(Call& call) { return recent(call, call.id); }

Answer metrics_of_event(Call& call) {
  return list("Metrics listed successfully.", call.request, page_of(call.request), {});
}

// -- what is stored beside what the warehouse has

constexpr int kDaysMost = 31;

/// Rows by day and event; an ingestion whose events all have one literal name has that.
using Counts = std::map<std::pair<std::string, std::string>, std::int64_t>;

Counts stored(Call& call, const Ingestion& source, DayRange days) {
  Counts counts;
  store::Store store = call.service.store();
  query::run(fmt::format("select cast(day as varchar) as day, event_name, count(*) as rows "
                         "from events where day between date '{}' and date '{}' "
                         "and _ingestion = {} group by all",
                         days.first.text(), days.last.text(), literal(source.id)),
             call.catalog, store,
             [&](std::string_view line) {
               const json::Value row = json::parse(line, "a row of the count");
               counts[{row.at("day"), row.at("event_name")}] = row.at("rows");
             },
             {});
  return counts;
}

Counts at_the_source(Call& call, const Ingestion& source, DayRange days) {
  store::Store store = call.service.store();
  pipeline::House house = call.service.house(call.catalog, store);
  const Field& name = source.definition.mapping.event_name;
  const Patience patience(call.service.env());
  Counts counts;
  for (const DayCount& one :
       pipeline::count(house, source, days, !name.literal, patience.token())) {
    counts[{one.day.text(), name.literal ? name.text : one.name}] = one.rows;
  }
  return counts;
}

std::vector<Ingestion> sources_in(Call& call) {
  const std::string name = call.request.parameter("source_name");
  std::vector<Ingestion> sources;
  for (Ingestion& one : call.catalog.ingestions()) {
    if (one.definition.dataset != Dataset::Events) continue;
    if (name.empty() || one.name == name || one.handle == name) sources.push_back(std::move(one));
  }
  if (sources.empty() && !name.empty()) {
    not_found(fmt::format("There is no source of events named {}", name));
  }
  return sources;
}

DayRange range_in(const Request& request) {
  const DayRange days{day_in(request.parameter("start_date"), "start_date"),
                      day_in(request.parameter("end_date"), "end_date")};
  if (days.last < days.first) bad_request("end_date lies before start_date");
  if (days.size() > kDaysMost) {
    bad_request(fmt::format("{} days are asked for, at most {}: the warehouse counts them now",
                            days.size(), kDaysMost));
  }
  return days;
}

/// Every difference is one: nothing is let pass.
constexpr double kThresholdPercent = 0;

void add_rows(Call& call, const Ingestion& source, DayRange days, json::Value& rows) {
  const std::string wanted = call.request.parameter("event_name");
  const Counts ours = stored(call, source, days);
  const Counts theirs = at_the_source(call, source, days);
  Counts all = ours;
  all.insert(theirs.begin(), theirs.end());
  const auto count_in = [](const Counts& counts, const auto& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
  };
  for (const auto& [key, count] : all) {
    const auto& [day, event] = key;
    if (!wanted.empty() && event != wanted) continue;
    const std::int64_t internal = count_in(ours, key), external = count_in(theirs, key);
    json::Value row{{"event", event},
                    {"internal_count", internal},
                    {"external_count", external},
                    {"has_diff", internal != external},
                    {"threshold", kThresholdPercent},
                    {"last_updated_time", shown(call.service.env().now())}};
    if (!wanted.empty()) {
      json::Value flat{{"date", day}, {"source", source.name}};
      flat.update(row);
      rows.push_back(std::move(flat));
      continue;
    }
    if (rows.empty() || rows.back()["date"] != day || rows.back()["source"] != source.name) {
      rows.push_back({{"date", day}, {"source", source.name}, {"events", json::Value::array()}});
    }
    rows.back()["events"].push_back(std::move(row));
  }
}

Answer delta(Call& call) {
  const DayRange days = range_in(call.request);
  json::Value rows = json::Value::array();
  const std::vector<Ingestion> sources = sources_in(call);
  for (const Ingestion& source : sources) {
    require_grant(call, "connection.use", source.connection);
  }
  for (const Ingestion& source : sources) add_rows(call, source, days, rows);
  return one("Event delta read successfully.", std::move(rows));
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/console/v1/ingestion/events/delta",
     .access = Access::Use,
     .about = "What is stored beside what the warehouse has now, per day and source: of one event, "
              "or of each under `events`. Asks the warehouse for its counts.",
     .query = "{start_date*: day, end_date*: day, source_name, event_name}",
     .gives = "one [EventDelta]",
     .refuses = "404 409",
     .answer = delta},
    {.method = "GET",
     .path = "/console/v1/events",
     .access = Access::Rows,
     .about = "The newest events of the last seven days, at most 1,000.",
     .query = "{page: page, limit: limit}",
     .gives = "list Event",
     .answer = events},
    {.method = "GET",
     .path = "/console/v1/events/{id}",
     .access = Access::Rows,
     .about = "The same of one event.",
     .query = "{page: page, limit: limit}",
     .gives = "list Event",
     .answer = events_of_name},
    {.method = "GET",
     .path = "/console/v1/events/{id}/metrics",
     .access = Access::Read,
     .about = "Metrics that are made of the event: none, as long as there are no definitions of "
              "metrics.",
     .query = "{page: page, limit: limit}",
     .gives = "list object",
     .answer = metrics_of_event},
};

}  // namespace

std::span<const Route> event_routes() { return kRoutes; }

}  // namespace millrace::api
