#include "api/column_mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/routes.h"

namespace millrace::api {
namespace {

/// One member of `column_mapping` and where it goes; exactly one of the three is set.
struct Member {
  const char* name;
  std::string Mapping::* text = nullptr;
  Field Mapping::* field = nullptr;
  Named Mapping::* named = nullptr;
};

constexpr Member kMetrics[] = {{"unit_id", nullptr, &Mapping::unit_id},
                               {"id_type", nullptr, &Mapping::id_type},
                               {"dateid", &Mapping::date},
                               {"metric_name", nullptr, &Mapping::metric_name},
                               {"metric_value", &Mapping::metric_value},
                               {"numerator", &Mapping::numerator},
                               {"denominator", &Mapping::denominator}};
constexpr Member kEvents[] = {{"event_name", nullptr, &Mapping::event_name},
                              {"timestamp", &Mapping::timestamp},
                              {"ids", nullptr, nullptr, &Mapping::ids},
                              {"metadata", nullptr, nullptr, &Mapping::metadata},
                              {"metadata_object", &Mapping::metadata_object},
                              {"event_value", &Mapping::event_value}};
constexpr Member kExposures[] = {{"experiment", nullptr, &Mapping::experiment},
                                 {"group_id", nullptr, &Mapping::group_id},
                                 {"timestamp", &Mapping::timestamp},
                                 {"ids", nullptr, nullptr, &Mapping::ids},
                                 {"metadata", nullptr, nullptr, &Mapping::metadata},
                                 {"metadata_object", &Mapping::metadata_object},
                                 {"event_value", &Mapping::event_value}};
constexpr Member kEntityProperties[] = {{"timestamp", &Mapping::timestamp},
                                        {"ids", nullptr, nullptr, &Mapping::ids},
                                        {"properties", nullptr, nullptr, &Mapping::properties}};

std::span<const Member> members_of(Dataset dataset) {
  switch (dataset) {
    case Dataset::Events:
      return kEvents;
    case Dataset::Metrics:
      return kMetrics;
    case Dataset::Exposures:
      return kExposures;
    case Dataset::EntityProperties:
      return kEntityProperties;
  }
  return {};
}

/// The name as the page has it; callers also know two older ones.
std::string_view known_name(std::string_view name, Dataset dataset) {
  if (name == "date" && dataset == Dataset::Metrics) return "dateid";
  return name == "metadata_json" ? "metadata_object" : name;
}

std::string column_in(const json::Value& value, const std::string& name) {
  if (value.is_null()) return {};
  if (!value.is_string()) bad_request(fmt::format("column_mapping.{} must be a string", name));
  std::string text = value.get<std::string>();
  return text == "null" ? std::string() : text;
}

Named named_in(const json::Value& value, const std::string& name) {
  Named named;
  if (value.is_null() || value == "null" || value == "") return named;
  if (!value.is_object()) bad_request(fmt::format("column_mapping.{} must be an object", name));
  for (const auto& [key, column] : value.items()) {
    const std::string text = column_in(column, name + "." + key);
    if (!text.empty()) named.emplace_back(key, text);
  }
  return named;
}

json::Value names_json(const Named& named) {
  json::Value value = json::Value::object();
  for (const auto& [key, column] : named) value[key] = column;
  return value;
}

}  // namespace

void read_column_mapping(const json::Value& value, Dataset dataset, Mapping& mapping) {
  if (!value.is_object()) bad_request("column_mapping must be an object");
  const auto members = members_of(dataset);
  std::string unit_id;
  for (const auto& [sent, given] : value.items()) {
    const std::string name(known_name(sent, dataset));
    if (name == "unit_id" && dataset != Dataset::Metrics) {
      unit_id = column_in(given, name);
      continue;
    }
    const auto member =
        std::ranges::find_if(members, [&](const Member& known) { return known.name == name; });
    if (member == members.end()) {
      bad_request(fmt::format("column_mapping has no {} for {}", name, shown(dataset)));
    }
    if (member->text) mapping.*(member->text) = column_in(given, name);
    if (member->field) mapping.*(member->field) = Field{column_in(given, name), false};
    if (member->named) mapping.*(member->named) = named_in(given, name);
  }
  // The older form has one column of ids, of users.
  if (!unit_id.empty() && mapping.ids.empty()) mapping.ids = {{"userID", unit_id}};
}

json::Value column_mapping(const Mapping& mapping, Dataset dataset) {
  json::Value value = json::Value::object();
  for (const Member& member : members_of(dataset)) {
    if (member.text) value[member.name] = mapping.*(member.text);
    if (member.field) value[member.name] = (mapping.*(member.field)).text;
    if (member.named) value[member.name] = names_json(mapping.*(member.named));
  }
  return value;
}

}  // namespace millrace::api
