#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api/column_mapping.h"
#include "api/routes.h"
#include "api/service.h"
#include "api/shared_source.h"
#include "base/error.h"
#include "definition/files.h"

namespace millrace::api {
namespace {

/// What addresses a source: in a query, or in a body.
struct Address {
  std::string type, name;
  Dataset dataset = Dataset::Events;
};

Address address_in(const Request& request) {
  return {request.parameter("type"), request.parameter("source_name"),
          dataset_in(request.parameter("dataset"))};
}

Address address_in(const json::Value& body) {
  return {text_or_empty(body, "type"), text_or_empty(body, "source_name"),
          dataset_in(text_or_empty(body, "dataset"))};
}

std::vector<Ingestion> matching(catalog::Catalog& catalog, const Address& address) {
  std::vector<Ingestion> found;
  for (Ingestion& one : catalog.ingestions()) {
    const bool is_named =
        address.name.empty() || one.name == address.name || one.handle == address.name;
    if (is_named && one.definition.dataset == address.dataset &&
        type_of(one.kind) == address.type) {
      found.push_back(std::move(one));
    }
  }
  if (found.empty()) not_found(fmt::format("Ingestion of type {} not found.", address.type));
  return found;
}

/// The one that is addressed, to be changed: not where a file owns it.
Ingestion changeable(catalog::Catalog& catalog, const Address& address) {
  std::vector<Ingestion> found = matching(catalog, address);
  if (found.size() > 1) {
    std::vector<std::string> names;
    for (const Ingestion& one : found) names.push_back(one.name);
    bad_request(fmt::format("source_name is required: it may be {}", fmt::join(names, ", ")));
  }
  const Ingestion& one = found.front();
  if (one.managed_by.starts_with("file:")) {
    throw Error(Fault::Conflict, "managed_elsewhere",
                fmt::format("{} is managed by the file {}", one.name, one.managed_by.substr(5)),
                "Change it there, and apply it");
  }
  return one;
}

/// `creator`: the person, where one made it who is still there; else what owns it. `last_modifier`:
/// as the audit log names who it was, else what owns it.
json::Value ingestion_json(catalog::Catalog& catalog, const Ingestion& ingestion,
                           const std::map<Dataset, int>& hours) {
  const std::string person = catalog.creator(ingestion);
  const catalog::LastChange last = catalog.last_change(ingestion);
  const Dataset dataset = ingestion.definition.dataset;
  json::Value data{{"name", ingestion.name},
                   {"dataset", shown(dataset)},
                   {"query", ingestion.definition.query},
                   {"columnMappings", column_mapping(ingestion.definition.mapping, dataset)},
                   {"scheduled_hour_pst", *upkeep_of(ingestion, hours).schedule.hour},
                   {"hour_of", owner_of_hour(ingestion)},
                   {"schedule_mode", name_of(ingestion.upkeep.schedule.mode)},
                   {"enabled", ingestion.upkeep.enabled},
                   {"creator", person.empty() ? ingestion.managed_by : person},
                   {"creation_time", shown(made_at(ingestion.id))},
                   {"last_modifier", last.by.empty() ? ingestion.managed_by : last.by},
                   {"last_modified_time", shown(last.at)},
                   {"owner", ingestion.audience.owner},
                   {"subscriber_emails", ingestion.audience.subscribers},
                   {"connection", ingestion.connection},
                   {"is_delta_sharing", ingestion.kind == kSharingKind}};
  return {{"id", ingestion.id},
          {"type", type_of(ingestion.kind)},
          {"enabled", ingestion.upkeep.enabled},
          {"data", data}};
}

Answer read(Call& call) {
  const std::vector<Ingestion> found = matching(call.catalog, address_in(call.request));
  const auto hours = call.catalog.dataset_hours();
  if (found.size() == 1) {
    return one("Ingestion read successfully.", ingestion_json(call.catalog, found.front(), hours));
  }
  json::Value all = json::Value::array();
  for (const Ingestion& source : found) all.push_back(ingestion_json(call.catalog, source, hours));
  return one("Ingestion read successfully.", std::move(all));
}

Connection connection_for(Call& call, const std::string& type, bool is_shared) {
  if (is_shared && type != type_of(kSharingKind)) {
    bad_request(fmt::format("use_delta_sharing: sources of type {} are not shared", type));
  }
  const std::string kind = is_shared ? std::string(kSharingKind) : kind_of(type);
  const std::string wanted = text_or_empty(call.body, "connection");
  std::vector<Connection> found;
  std::vector<std::string> names;
  for (Connection& connection : call.catalog.connections()) {
    if (connection.kind != kind) continue;
    if (!wanted.empty() && connection.name != wanted) continue;
    names.push_back(connection.name);
    found.push_back(std::move(connection));
  }
  if (found.empty()) {
    not_found(fmt::format("There is no connection of type {}{}{}", type,
                          is_shared ? " with deltaSharingCredentials" : "",
                          wanted.empty() ? "" : " named " + wanted));
  }
  if (found.size() > 1) {
    bad_request(fmt::format("connection is required: it may be {}", fmt::join(names, ", ")));
  }
  return std::move(found.front());
}

/// What the command line calls it: made of the name, unlike all others.
std::string handle_for(catalog::Catalog& catalog, const std::string& name) {
  std::string base;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    base += byte < 128 && std::isalnum(byte) ? static_cast<char>(std::tolower(byte)) : '_';
  }
  const std::vector<Ingestion> all = catalog.ingestions(true);
  std::string handle = base;
  for (int number = 2; std::ranges::find(all, handle, &Ingestion::handle) != all.end(); ++number) {
    handle = fmt::format("{}_{}", base, number);
  }
  return handle;
}

bool boolean_in(const json::Value& body, const char* name, bool fallback) {
  const auto found = body.find(name);
  return found == body.end() || found->is_null() ? fallback : found->get<bool>();
}

/// 7, or "7".
int hour_in(const json::Value& given) {
  return given.is_string() ? std::stoi(given.get<std::string>()) : given.get<int>();
}

/// What POST and PATCH have in common.
void read_body(const json::Value& body, Ingestion& ingestion) {
  if (const std::string query = text_or_empty(body, "query"); !query.empty()) {
    ingestion.definition.query = query;
  }
  read_shared_table(body, ingestion);
  if (const auto mapping = body.find("column_mapping");
      mapping != body.end() && !mapping->is_null()) {
    read_column_mapping(*mapping, ingestion.definition.dataset, ingestion.definition.mapping);
  }
  ingestion.upkeep.enabled = boolean_in(body, "enabled", ingestion.upkeep.enabled);
  if (is_given(body, "owner")) ingestion.audience.owner = text_or_empty(body, "owner");
  if (is_given(body, "subscriber_emails")) {
    ingestion.audience.subscribers = texts(body, "subscriber_emails");
  }
  if (const auto hour = body.find("scheduled_hour_pst"); hour != body.end()) {
    std::optional<int>& own = ingestion.upkeep.schedule.hour;
    own = hour->is_null() ? std::nullopt : std::optional(hour_in(*hour));
  }
  const std::string mode = text_or_empty(body, "schedule_mode");
  for (const auto known : {ScheduleMode::Daily, ScheduleMode::Api, ScheduleMode::Manual}) {
    if (mode == name_of(known)) ingestion.upkeep.schedule.mode = known;
  }
}

Ingestion stored(Call& call, const Ingestion& ingestion) {
  const definition::Configuration configuration = call.service.configuration(call.catalog);
  return call.catalog.put_ingestion(definition::as_defined(ingestion, configuration));
}

Answer create(Call& call) {
  const Address address = address_in(call.body);
  const bool is_shared = boolean_in(call.body, "use_delta_sharing", false);
  if (!is_shared && !is_given(call.body, "query")) bad_request("query is required");
  const Connection connection = connection_for(call, address.type, is_shared);
  require_grant(call, "connection.use", connection.name);
  Ingestion made;
  call.catalog.atomically([&] {
    for (const Ingestion& known : call.catalog.ingestions()) {
      if (known.name == address.name && known.kind == connection.kind &&
          known.definition.dataset == address.dataset) {
        bad_request("Ingestion source already exists with name " + address.name);
      }
    }
    Ingestion wanted;
    wanted.handle = handle_for(call.catalog, address.name);
    wanted.name = address.name;
    wanted.connection = connection.name;
    wanted.kind = connection.kind;
    wanted.managed_by = "api";
    wanted.definition.dataset = address.dataset;
    wanted.definition.zone = call.catalog.project().zone.name();
    read_body(call.body, wanted);
    made = stored(call, wanted);
  });
  return one("Ingestion created successfully",
             ingestion_json(call.catalog, made, call.catalog.dataset_hours()));
}

Answer update(Call& call) {
  Ingestion changed;
  call.catalog.atomically([&] {
    Ingestion known = changeable(call.catalog, address_in(call.body));
    require_grant(call, "connection.use", known.connection);
    read_body(call.body, known);
    changed = stored(call, known);
  });
  return one("Ingestion updated successfully.",
             ingestion_json(call.catalog, changed, call.catalog.dataset_hours()));
}

Answer remove(Call& call) {
  call.catalog.atomically([&] {
    call.catalog.archive_ingestion(changeable(call.catalog, address_in(call.request)).id);
  });
  return done("Ingestion deleted successfully.");
}

// -- schedule

json::Value schedule_json(catalog::Catalog& catalog, Dataset dataset) {
  const auto hours = catalog.dataset_hours();
  const int hour = hour_of(dataset, hours);
  json::Value overridden = json::Value::array();
  for (const Ingestion& source : catalog.ingestions()) {
    const Schedule& own = source.upkeep.schedule;
    if (source.definition.dataset != dataset || (!own.hour && own.mode == ScheduleMode::Daily)) {
      continue;
    }
    overridden.push_back({{"source", source.name},
                          {"scheduled_hour_pst", *upkeep_of(source, hours).schedule.hour},
                          {"hour_of", owner_of_hour(source)},
                          {"schedule_mode", name_of(own.mode)},
                          {"managed_by", source.managed_by}});
  }
  return {{"dataset", shown(dataset)}, {"scheduled_hour_pst", hour}, {"overridden", overridden}};
}

Answer schedule(Call& call) {
  return one("Ingestion schedule read successfully.",
             schedule_json(call.catalog, dataset_in(call.request.parameter("dataset"))));
}

int hour_in(const Call& call) {
  const std::string text = call.request.parameter("scheduled_hour_pst");
  if (!text.empty()) return std::stoi(text);
  const auto hour = call.body.find("scheduled_hour_pst");
  return hour == call.body.end() || hour->is_null() ? kUsualHour : hour_in(*hour);
}

Answer set_schedule(Call& call) {
  std::string text = text_or_empty(call.body, "dataset");
  if (text.empty()) text = call.request.parameter("dataset");
  if (text.empty()) bad_request("dataset is required");
  const Dataset dataset = dataset_in(text);
  const int hour = hour_in(call);
  json::Value data;
  call.catalog.atomically([&] {
    call.catalog.set_dataset_hour(dataset, hour);
    data = schedule_json(call.catalog, dataset);
  });
  return one("Ingestion schedule updated successfully.", std::move(data));
}

// -- backfill

std::vector<Ingestion> sources_of(Call& call, Address address) {
  const std::vector<std::string> names = texts(call.body, "source");
  if (names.empty()) return matching(call.catalog, address);
  std::vector<Ingestion> found;
  for (const std::string& name : names) {
    address.name = name;
    found.push_back(matching(call.catalog, address).front());
  }
  return found;
}

Answer backfill(Call& call) {
  const Day first = day_in(text_or_empty(call.body, "datestamp_start"), "datestamp_start");
  const Day last = day_in(text_or_empty(call.body, "datestamp_end"), "datestamp_end");
  if (last < first) bad_request("datestamp_end lies before datestamp_start");
  if (last > call.catalog.project().zone.day_of(call.service.env().now())) {
    bad_request("Data is not available: datestamp_end has not begun yet");
  }
  constexpr int kDaysMost = 3'660;
  const DayRange range{first, last};
  if (range.size() > kDaysMost) {
    bad_request(fmt::format("{} days are asked for, at most {}", range.size(), kDaysMost));
  }
  const std::string run = new_id(call.service.env());
  call.catalog.atomically([&] {
    for (const Ingestion& source : sources_of(call, address_in(call.body))) {
      call.catalog.ask(run, source.id, range.days(), "backfill");
    }
  });
  return one("Ingestion backfilled successfully.", {{"runID", run}});
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/console/v1/ingestion",
     .access = Access::Read,
     .about = "The source, or a list of them where several match.",
     .query = "{type*: warehouse, dataset*: dataset, source_name}",
     .gives = "one Source/[Source]",
     .refuses = "404",
     .answer = read},
    {.method = "POST",
     .path = "/console/v1/ingestion",
     .access = Access::Write,
     .about = "A new source. `connection` names one where the type has several. With "
              "`use_delta_sharing` its rows are those of a shared table, else of `query`. `owner` "
              "and `subscriber_emails` hear of its days, beside whoever sets it up.",
     .body =
         "{type*: warehouse, dataset*: dataset, source_name*: name, query: name, "
         "column_mapping*: ColumnMapping, enabled: flag, connection, "
         "schedule_mode: daily|api|manual, scheduled_hour_pst: sent_hour, use_delta_sharing: flag, "
         "share: name, schema: name, table: name, owner: text, subscriber_emails: [text]}",
     .gives = "one Source",
     .refuses = "404 409",
     .answer = create},
    {.method = "PATCH",
     .path = "/console/v1/ingestion",
     .access = Access::Write,
     .about = "Changes what is named; of `column_mapping`, too. `scheduled_hour_pst` null: its "
              "dataset's again. `share`, `schema` and `table` are those of a source with "
              "`use_delta_sharing`.",
     .body = "{type*: warehouse, dataset*: dataset, source_name, query: name, share: name, "
             "schema: name, table: name, column_mapping: ColumnMapping, enabled: flag, "
             "schedule_mode: daily|api|manual, scheduled_hour_pst: sent_hour, owner: text, "
             "subscriber_emails: [text]}",
     .gives = "one Source",
     .refuses = "404 409",
     .answer = update},
    {.method = "DELETE",
     .path = "/console/v1/ingestion",
     .access = Access::Write,
     .about = "Nothing new is loaded; its days stay, and the same source made again goes on with "
              "them.",
     .query = "{type*: warehouse, dataset*: dataset, source_name}",
     .gives = "done",
     .refuses = "404 409",
     .answer = remove},
    {.method = "GET",
     .path = "/console/v1/ingestion/schedule",
     .access = Access::Read,
     .about = "When sources of a dataset are loaded, and which do otherwise.",
     .query = "{dataset*: dataset}",
     .gives = "one Schedule",
     .answer = schedule},
    {.method = "POST",
     .path = "/console/v1/ingestion/schedule",
     .access = Access::Write,
     .about = "Another hour, default 10; in the body or the query. It is that of every source "
              "without an hour of its own, also of files.",
     .query = "{dataset: dataset, scheduled_hour_pst: hour}",
     .body = "{dataset: dataset, scheduled_hour_pst: sent_hour}",
     .gives = "one Schedule",
     .answer = set_schedule},
    {.method = "POST",
     .path = "/console/v1/ingestion/backfill",
     .access = Access::Write,
     .about = "Loads a range of days, also days that are loaded already. `source` names one or "
              "several; none: all.",
     .body = "{datestamp_start*: day, datestamp_end*: day, type*: warehouse, dataset*: dataset, "
             "source: texts}",
     .gives = "one {runID*: text}",
     .refuses = "404",
     .answer = backfill},
};

}  // namespace

std::span<const Route> ingestion_routes() { return kRoutes; }

}  // namespace millrace::api
