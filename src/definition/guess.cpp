#include "definition/guess.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/letters.h"
#include "definition/column_signs.h"
#include "definition/toml_text.h"
#include "warehouse/lake/day_files.h"

namespace millrace::definition {
namespace {

using Words = std::vector<std::string_view>;

const Words kEventNames = {"eventname", "event", "eventtype", "name", "kind", "type", "action"};
const Words kValues = {"eventvalue", "value", "amount", "price", "revenue", "total", "quantity"};
const Words kObjects = {"metadata",   "properties", "props",
                        "attributes", "payload",    "eventproperties"};
const Words kEventIds = {"eventid", "eventuuid", "messageid", "insertid"};
const Words kExperiments = {"experiment", "experimentname", "experimentid", "test", "testname"};
const Words kGroups = {"groupid", "group", "variant", "variation", "variationid", "bucket", "arm"};
const Words kDates = {"ds", "date", "day", "dt", "metricdate", "reportdate"};
const Words kMetricNames = {"metricname", "metric", "kpi", "measure"};
const Words kMetricValues = {"metricvalue", "value", "val"};
const Words kNumerators = {"numerator", "num", "metricnumerator"};
const Words kDenominators = {"denominator", "den", "denom", "metricdenominator"};
const Words kUnitIds = {"unitid", "entityid", "id"};
const Words kIdTypes = {"idtype", "unittype", "unitidtype", "entitytype"};
const Words kCalendar = {"year", "month", "day", "hour", "week", "quarter"};

bool is_plain(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-';
  });
}

/// What a path or glob is about: `sales` of sales/*.parquet, of sales/{{day}}.csv, of sales.csv and
/// of the shared table retail.shop.sales.
std::string subject_of(std::string_view path) {
  const bool is_file = !warehouse::lake::reader_of(std::string(path)).empty();
  const std::string_view table = path.substr(path.rfind('.') + 1);
  if (!is_file && is_plain(path.substr(0, path.find('.'))) && is_plain(table)) {
    return std::string(table);
  }
  while (!path.empty()) {
    const auto slash = path.rfind('/');
    std::string_view part = slash == path.npos ? path : path.substr(slash + 1);
    part = part.substr(0, part.find('.'));
    if (is_plain(part)) return std::string(part);
    path = slash == path.npos ? std::string_view() : path.substr(0, slash);
  }
  return {};
}

/// The table that a query reads, as an ingestion's key; else the dataset's name.
std::string handle_for(const std::string& query, Dataset dataset) {
  const std::string lower = lower_case(query);
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '"';
  };
  for (std::size_t at = lower.find("from"); at != std::string::npos;
       at = lower.find("from", at + 1)) {
    std::size_t begin = at + 4;
    if (begin >= query.size() || !std::isspace(static_cast<unsigned char>(query[begin]))) continue;
    while (begin < query.size() && std::isspace(static_cast<unsigned char>(query[begin]))) ++begin;
    std::size_t end = begin;
    if (query[begin] == '\'') {
      end = std::min(query.find('\'', begin + 1), query.size());
      const std::string name = subject_of(query.substr(begin + 1, end - begin - 1));
      if (!name.empty()) return name;
      break;
    }
    while (end < query.size() && is_word(query[end])) ++end;
    if (end < query.size() && query[end] == '(') break;
    std::string name = query.substr(begin, end - begin);
    std::erase(name, '"');
    name.erase(0, name.rfind('.') + 1);
    if (!name.empty()) return name;
    break;
  }
  return std::string(name_of(dataset));
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

class Guess {
 public:
  Guess(const std::vector<Column>& columns, const Rows& rows, const Project& project,
        std::string handle)
      : columns_(columns),
        rows_(rows),
        signs_(columns, rows),
        project_(project),
        handle_(std::move(handle)),
        used_(columns.size(), false) {}

  std::string mapping(Dataset dataset) {
    switch (dataset) {
      case Dataset::Events:
        events();
        break;
      case Dataset::Metrics:
        metrics();
        break;
      case Dataset::Exposures:
        exposures();
        break;
      case Dataset::EntityProperties:
        properties();
        break;
    }
    return text_;
  }

 private:
  // -- lines

  void line(std::string_view key, const std::string& value, const std::string& comment) {
    constexpr std::size_t kWidth = 80;
    const std::string setting = fmt::format("{} = {}", key, value);
    text_ += setting.size() > kWidth ? fmt::format("# {}\n{}\n", comment, setting)
                                     : fmt::format("{:<38}  # {}\n", setting, comment);
  }
  std::string variety(std::size_t column) const {
    return fmt::format("{} in {}", counted(signs_.distinct(column), "different value"),
                       counted(rows_.size(), "row"));
  }
  void unknown(std::string_view key, const std::string& comment) {
    text_ += fmt::format("{:<38}  # {}\n", fmt::format("# {} = \"…\"", key), comment);
  }
  std::string quoted_name(std::size_t column) const { return text_value(columns_[column].name); }
  std::string described(std::size_t column) const {
    const Column& known = columns_[column];
    return known.vendor_type.empty() ? std::string(name_of(known.type)) : known.vendor_type;
  }
  std::string take(std::size_t column) {
    used_[column] = true;
    return quoted_name(column);
  }
  std::optional<std::size_t> unused(const Words& names) const {
    const auto column = signs_.named(names);
    return column && !used_[*column] ? column : std::nullopt;
  }
  std::string unused_names() const {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!used_[i]) names.push_back(columns_[i].name);
    }
    return fmt::format("{}", fmt::join(names, ", "));
  }

  // -- what several datasets share

  void time(bool required) {
    const auto candidates = signs_.times();
    if (candidates.empty()) {
      if (required) {
        unknown("timestamp", "required: no column looks like a time; name the one that says when");
      } else {
        text_ += "# no timestamp: the query is a snapshot, and only the latest day can be loaded\n";
      }
      return;
    }
    const std::size_t column = candidates.front();
    std::string comment = described(column);
    if (candidates.size() > 1) {
      std::vector<std::string_view> others;
      for (std::size_t i = 1; i < candidates.size(); ++i) {
        others.push_back(columns_[candidates[i]].name);
      }
      comment += fmt::format("; could also be {}", fmt::join(others, ", "));
    }
    line("timestamp", take(column), comment);
    if (signs_.lacks_zone(column)) {
      line("timestamp_zone", "\"UTC\"", "it has no zone: say which one its clock shows");
    }
    if (const auto unit = signs_.epoch_unit(column)) {
      line("timestamp_unit", fmt::format("\"{}\"", name_of(*unit)), "by the size of its numbers");
    }
  }

  void ids(std::string_view key) {
    std::string inner;
    for (const std::string& unit : project_.unit_types) {
      const auto column = signs_.ids_of(unit);
      if (!column || used_[*column]) continue;
      inner += fmt::format("{}{} = {}", inner.empty() ? "" : ", ", key_text(unit), take(*column));
    }
    if (inner.empty()) {
      text_ += fmt::format(
          "# {} = {{ {} = \"…\" }}  # required: which column holds ids of which "
          "unit type?\n",
          key, project_.unit_types.empty() ? "userID" : project_.unit_types[0]);
    } else {
      line(key, fmt::format("{{ {} }}", inner), "by their names");
    }
    std::vector<std::string_view> others;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!used_[i] && signs_.looks_like_id(i)) others.push_back(columns_[i].name);
    }
    if (!others.empty()) {
      text_ += fmt::format("# other ids: {} (unit types of the project: {})\n",
                           fmt::join(others, ", "), fmt::join(project_.unit_types, ", "));
    }
  }

  void metadata() {
    const auto object = unused(kObjects);
    if (object && signs_.holds_objects(*object)) {
      line("metadata_object", take(*object), "its keys become metadata, one level deep");
    }
    if (const std::string rest = unused_names(); !rest.empty()) {
      line("metadata", "\"*\"", "every column not mapped elsewhere: " + rest);
    }
  }

  // -- datasets

  void events() {
    const auto name = unused(kEventNames);
    if (name && !signs_.is_number(*name)) {
      line("event_name", take(*name), variety(*name));
    } else {
      line("event_name", fmt::format("{{ literal = {} }}", text_value(handle_)),
           "no column names the event: every row is one of these");
    }
    time(true);
    ids("ids");
    const auto value = unused(kValues);
    if (value && signs_.is_number(*value)) line("event_value", take(*value), described(*value));
    if (const auto id = unused(kEventIds)) {
      line("dedupe", fmt::format("[{}]", quoted_name(*id)), "keeps one of several copies in a day");
    }
    metadata();
  }

  void exposures() {
    field("experiment", kExperiments, "required: the experiment's name, or { literal = \"…\" }");
    field("group_id", kGroups, "required: the group that was seen");
    time(true);
    ids("ids");
    metadata();
  }

  void field(std::string_view key, const Words& names, const std::string& when_missing) {
    if (const auto column = unused(names)) {
      line(key, take(*column),
           fmt::format("{} different in {} rows", signs_.distinct(*column), rows_.size()));
    } else {
      unknown(key, when_missing);
    }
  }

  void properties() {
    ids("ids");
    time(false);
    line("properties", "\"*\"", "every column not mapped elsewhere: " + unused_names());
  }

  void date() {
    std::optional<std::size_t> column = unused(kDates);
    for (std::size_t i = 0; i < columns_.size() && !column; ++i) {
      if (columns_[i].type == ColumnType::Date) column = i;
    }
    if (column && !signs_.is_number(*column)) {
      line("date", take(*column), described(*column) + ": the day itself, never shifted");
    } else {
      unknown("date", "required: the column that holds the day");
    }
  }

  void metrics() {
    date();
    const auto name = unused(kMetricNames);
    const auto value = unused(kMetricValues);
    const auto numerator = unused(kNumerators), denominator = unused(kDenominators);
    if (name && (value || (numerator && denominator))) {
      long_table(*name, value, numerator, denominator);
    } else {
      ids("units");
      wide_metrics();
    }
  }

  void long_table(std::size_t name, std::optional<std::size_t> value,
                  std::optional<std::size_t> numerator, std::optional<std::size_t> denominator) {
    text_ += "# a long table: one metric value a row\n";
    line("metric_name", take(name), variety(name));
    if (value) line("metric_value", take(*value), described(*value));
    if (numerator && denominator) {
      line("numerator", take(*numerator), described(*numerator));
      line("denominator", take(*denominator), described(*denominator));
    }
    const auto type = unused(kIdTypes);
    std::string unit = project_.unit_types.empty() ? "userID" : project_.unit_types.front();
    std::optional<std::size_t> id = unused(kUnitIds);
    for (const std::string& candidate : project_.unit_types) {
      if (id) break;
      if ((id = signs_.ids_of(candidate))) unit = candidate;
    }
    if (id) {
      line("unit_id", take(*id), described(*id));
    } else {
      unknown("unit_id", "required: the column that holds the unit's id");
    }
    if (type) {
      line("id_type", take(*type), "its values must be unit types of the project");
    } else {
      line("id_type", fmt::format("{{ literal = {} }}", text_value(unit)), "what the ids are of");
    }
  }

  /// The column that with this numerator makes a ratio: orders_num and orders_den.
  std::optional<std::size_t> denominator_of(const std::string& numerator, std::string& stem) const {
    constexpr std::array<std::array<std::string_view, 2>, 2> kPairs = {
        {{"numerator", "denominator"}, {"num", "den"}}};
    const std::string folded = folded_name(numerator);
    for (const auto& [upper, lower] : kPairs) {
      if (!folded.ends_with(upper) || folded.size() == upper.size()) continue;
      const std::string other = folded.substr(0, folded.size() - upper.size()) + std::string(lower);
      stem = numerator.substr(0, numerator.size() - upper.size());
      while (stem.ends_with('_')) stem.pop_back();
      return signs_.named(std::array<std::string_view, 1>{other});
    }
    return {};
  }

  bool is_metric(std::size_t column) const {
    const std::string folded = folded_name(columns_[column].name);
    return signs_.is_number(column) && !used_[column] && !signs_.looks_like_id(column) &&
           std::find(kCalendar.begin(), kCalendar.end(), folded) == kCalendar.end();
  }

  void wide_metrics() {
    std::vector<std::string> metrics;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      std::string stem;
      const auto lower = denominator_of(columns_[i].name, stem);
      if (!lower || !is_metric(i) || !is_metric(*lower)) continue;
      const std::string above = take(i), below = take(*lower);
      metrics.push_back(
          fmt::format("{} = {{ numerator = {}, denominator = {} }}", key_text(stem), above, below));
    }
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!is_metric(i)) continue;
      metrics.push_back(fmt::format("{} = {}", key_text(columns_[i].name), take(i)));
    }
    if (metrics.empty()) {
      text_ += "# metrics = { NAME = \"…\" }  # required: no column holds numbers\n";
    } else {
      line("metrics", fmt::format("{{ {} }}", fmt::join(metrics, ", ")),
           "every number that is not an id; remove what is no metric");
    }
  }

  const std::vector<Column>& columns_;
  const Rows& rows_;
  ColumnSigns signs_;
  const Project& project_;
  std::string handle_;
  std::vector<bool> used_;
  std::string text_;
};

}  // namespace

std::string guess_mapping(const std::string& connection, const std::string& query, Dataset dataset,
                          const std::vector<Column>& columns,
                          const std::vector<std::vector<std::string>>& rows,
                          const Project& project) {
  const std::string handle = handle_for(query, dataset);
  const std::string heading = "ingestion." + key_text(handle);
  return fmt::format(
      "# Guessed from {} and {}. Read every line, then `millrace apply` the file.\n"
      "[{}]\nconnection = {}\ndataset = \"{}\"\nquery = {}\n\n[{}.mapping]\n{}",
      counted(columns.size(), "column"), counted(rows.size(), "row"), heading,
      text_value(connection), name_of(dataset), text_value(query), heading,
      Guess(columns, rows, project, handle).mapping(dataset));
}

}  // namespace millrace::definition
