#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/nearest.h"
#include "definition/keys.h"
#include "definition/tables.h"
#include "model/source.h"

namespace millrace::definition {
namespace {

using Type = Node::Type;

/// A character as people see it in a message.
std::string shown(char c) {
  return static_cast<unsigned char>(c) < ' ' ? fmt::format("\\x{:02x}", c) : std::string(1, c);
}

std::ptrdiff_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

/// Reads one mapping; every check that needs more than one key is here.
class MappingReader {
 public:
  MappingReader(const Node& table, const std::string& heading, const Definition& whole,
                const Project& project)
      : table_(table), heading_(heading), whole_(whole), project_(project) {}

  Mapping read() {
    switch (whole_.dataset) {
      case Dataset::Events:
        read_events();
        break;
      case Dataset::Exposures:
        read_exposures();
        break;
      case Dataset::EntityProperties:
        read_properties();
        break;
      case Dataset::Metrics:
        read_metrics();
        break;
    }
    return std::move(mapping_);
  }

 private:
  const Node::Member* find(std::string_view key) const { return table_.find(key); }

  [[noreturn]] void refuse_lacking(std::string_view key, std::string_view why) const {
    const TableRule& rule = table_rule("ingestion.NAME.mapping");
    const auto known = std::find_if(rule.keys.begin(), rule.keys.end(),
                                    [&](const KeyRule& one) { return one.name == key; });
    refuse(table_.place, fmt::format("[{}] lacks \"{}\": {}", heading_, key, why),
           fmt::format("For example: {} = {}", key, known->example));
  }

  void need(std::initializer_list<std::string_view> keys) const {
    for (const std::string_view key : keys) {
      if (!find(key)) refuse_lacking(key, fmt::format("{} need it", name_of(whole_.dataset)));
    }
  }

  void check_stored_name(const Place& place, const std::string& name) const {
    if (name.empty() || characters(name) > kNameCharactersMax) {
      refuse(place,
             fmt::format("a name must have 1 to {} characters, not {}", kNameCharactersMax,
                         characters(name)),
             "Write another name: rows are stored and found by it");
    }
    const auto at = name.find_first_of(kForbiddenInNames);
    if (at == std::string::npos) return;
    refuse(place, fmt::format("a name must not hold {}", shown(name[at])),
           "Names hold none of \" \\ [ ] { } < > # = ; & $ % | and no line break");
  }

  Field field(std::string_view key) const {
    const Node::Member* member = find(key);
    if (!member) return {};
    if (member->value.is(Type::Text)) return {.text = member->value.text};
    const Node& literal = member->value.members.front().value;
    check_stored_name(literal.place, literal.text);
    return {.text = literal.text, .literal = true};
  }

  Named named(std::string_view key) const {
    Named named;
    const Node::Member* member = find(key);
    if (!member) return named;
    if (member->value.members.empty()) {
      refuse(member->value.place, fmt::format("\"{}\" is empty", key),
             fmt::format("Name a column, or leave {} out", key));
    }
    for (const Node::Member& one : member->value.members) {
      if (one.key.empty()) {
        refuse(one.place, fmt::format("a key of \"{}\" is empty", key),
               fmt::format("Give what is stored a name: {} = {{ page = \"page\" }}", key));
      }
      named.emplace_back(one.key, one.value.text);
    }
    return named;
  }

  bool says_all(std::string_view key) const {
    const Node::Member* member = find(key);
    return member && member->value.is(Type::Text);
  }

  void check_unit_type(const Place& place, const std::string& name) const {
    const auto& known = project_.unit_types;
    if (std::find(known.begin(), known.end(), name) != known.end()) return;
    refuse(place,
           fmt::format("\"{}\" is no unit type of this project{}", name,
                       did_you_mean(nearest(name, known))),
           fmt::format("unit_types under [project] in millrace.toml: {}", fmt::join(known, ", ")));
  }

  Named units(std::string_view key) const {
    if (const Node::Member* member = find(key)) {
      for (const Node::Member& one : member->value.members) check_unit_type(one.place, one.key);
    }
    return named(key);
  }

  void read_time() {
    mapping_.timestamp = text_in(table_, "timestamp");
    for (const std::string_view key : {"timestamp_zone", "timestamp_unit"}) {
      const Node::Member* member = find(key);
      if (!member || !mapping_.timestamp.empty()) continue;
      refuse(member->place, fmt::format("\"{}\" says nothing without \"timestamp\"", key),
             fmt::format("Map a timestamp, or leave {} out", key));
    }
    if (const Node::Member* zone = find("timestamp_zone")) {
      located(zone->value.place, [&] { return Zone::named(zone->value.text); });
      mapping_.timestamp_zone = zone->value.text;
    }
    for (const TimeUnit unit :
         {TimeUnit::Seconds, TimeUnit::Milliseconds, TimeUnit::Microseconds}) {
      if (text_in(table_, "timestamp_unit") == name_of(unit)) mapping_.timestamp_unit = unit;
    }
  }

  void read_metadata() {
    mapping_.metadata_all = says_all("metadata");
    if (!mapping_.metadata_all) mapping_.metadata = named("metadata");
    mapping_.metadata_object = text_in(table_, "metadata_object");
  }

  void read_events() {
    need({"event_name", "timestamp", "ids"});
    mapping_.event_name = field("event_name");
    read_time();
    mapping_.ids = units("ids");
    mapping_.event_value = text_in(table_, "event_value");
    read_metadata();
    if (const Node::Member* columns = find("dedupe")) {
      for (const Node& column : columns->value.items) mapping_.dedupe.push_back(column.text);
    }
  }

  void read_exposures() {
    need({"experiment", "group_id", "timestamp", "ids"});
    mapping_.experiment = field("experiment");
    mapping_.group_id = field("group_id");
    read_time();
    mapping_.ids = units("ids");
    read_metadata();
  }

  void read_properties() {
    need({"ids", "properties"});
    mapping_.ids = units("ids");
    read_time();
    mapping_.properties_all = says_all("properties");
    if (!mapping_.properties_all) mapping_.properties = named("properties");
  }

  void read_metrics() {
    mapping_.date = text_in(table_, "date");
    const bool day_is_given = !whole_.folder.empty() || has_placeholders(whole_.query);
    if (mapping_.date.empty() && !day_is_given) {
      refuse_lacking("date", "nothing else says the day of a row");
    }
    refuse_both_forms();
    if (find("units") || find("metrics")) {
      need({"units", "metrics"});
      read_wide();
    } else {
      read_long();
    }
    read_duplicate_rule();
  }

  void refuse_both_forms() const {
    const Node::Member* wide = find("units") ? find("units") : find("metrics");
    constexpr std::array<std::string_view, 6> kLong = {"unit_id",      "id_type",   "metric_name",
                                                       "metric_value", "numerator", "denominator"};
    for (const std::string_view key : kLong) {
      const Node::Member* member = find(key);
      if (!wide || !member) continue;
      refuse(member->place,
             fmt::format("\"{}\" is for a long table, \"{}\" for a wide one", key, wide->key),
             "Wide: date, units, metrics. Long: date, unit_id, id_type, metric_name, and "
             "metric_value or numerator and denominator");
    }
  }

  WideMetric wide_metric(const Node::Member& member) const {
    check_stored_name(member.place, member.key);
    WideMetric metric{.name = member.key};
    if (member.value.is(Type::Text)) {
      metric.value = member.value.text;
      return metric;
    }
    constexpr std::array<std::string_view, 2> kHalves = {"numerator", "denominator"};
    for (const Node::Member& half : member.value.members) {
      if (std::find(kHalves.begin(), kHalves.end(), half.key) == kHalves.end()) {
        refuse_unknown_key(half, fmt::format("{}.metrics.{}", heading_, member.key), kHalves);
      }
    }
    metric.numerator = text_in(member.value, "numerator");
    metric.denominator = text_in(member.value, "denominator");
    if (metric.numerator.empty() || metric.denominator.empty()) {
      refuse(member.value.place,
             fmt::format("the ratio \"{}\" lacks its {}", member.key,
                         metric.numerator.empty() ? "numerator" : "denominator"),
             fmt::format("Write {} = {{ numerator = \"…\", denominator = \"…\" }}", member.key));
    }
    return metric;
  }

  void read_wide() {
    mapping_.units = units("units");
    const Node::Member* metrics = find("metrics");
    if (metrics->value.members.empty()) {
      refuse(metrics->value.place, "\"metrics\" is empty",
             "Name each metric and its column: metrics = { revenue = \"rev\" }");
    }
    for (const Node::Member& metric : metrics->value.members) {
      mapping_.metrics.push_back(wide_metric(metric));
    }
  }

  void read_long() {
    if (!find("unit_id") && !find("metric_name")) {
      refuse(table_.place, fmt::format("[{}] maps no metric", heading_),
             "Wide table: units = { userID = \"user_id\" } and metrics = { revenue = \"rev\" }. "
             "Long table: unit_id, id_type, metric_name and metric_value");
    }
    need({"unit_id", "id_type", "metric_name"});
    mapping_.unit_id = field("unit_id");
    mapping_.id_type = field("id_type");
    if (mapping_.id_type.literal) {
      check_unit_type(find("id_type")->value.members.front().value.place, mapping_.id_type.text);
    }
    mapping_.metric_name = field("metric_name");
    mapping_.metric_value = text_in(table_, "metric_value");
    mapping_.numerator = text_in(table_, "numerator");
    mapping_.denominator = text_in(table_, "denominator");
    if (mapping_.numerator.empty() != mapping_.denominator.empty()) {
      const bool upper = mapping_.denominator.empty();
      refuse_lacking(upper ? "denominator" : "numerator",
                     fmt::format("\"{}\" is half a ratio", upper ? "numerator" : "denominator"));
    }
    if (mapping_.metric_value.empty() && mapping_.numerator.empty()) {
      refuse_lacking("metric_value", "or \"numerator\" and \"denominator\"");
    }
  }

  void read_duplicate_rule() {
    for (const OnDuplicate rule : {OnDuplicate::Reject, OnDuplicate::Sum, OnDuplicate::Last}) {
      if (text_in(table_, "on_duplicate") == name_of(rule)) mapping_.on_duplicate = rule;
    }
    mapping_.order_by = text_in(table_, "order_by");
    const bool last = mapping_.on_duplicate == OnDuplicate::Last;
    if (last && mapping_.order_by.empty()) {
      refuse(find("on_duplicate")->value.place,
             "on_duplicate = \"last\" needs \"order_by\": the column that says which copy is last",
             "For example: order_by = \"updated_at\"");
    }
    if (!last && !mapping_.order_by.empty()) {
      refuse(find("order_by")->place, "\"order_by\" says nothing without on_duplicate = \"last\"",
             "Add on_duplicate = \"last\", or remove order_by");
    }
  }

  const Node& table_;
  const std::string& heading_;
  const Definition& whole_;
  const Project& project_;
  Mapping mapping_;
};

}  // namespace

Mapping read_mapping(const Node::Member& table, const std::string& heading, const Definition& whole,
                     const Project& project) {
  check_keys(table.value, table_rule("ingestion.NAME.mapping"), heading, whole.dataset);
  return MappingReader(table.value, heading, whole, project).read();
}

}  // namespace millrace::definition
