#include "model/source.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/letters.h"

namespace millrace {
namespace {

constexpr std::array<std::string_view, 7> kPlaceholders = {
    "day", "day_start", "day_end", "day_start_epoch", "day_end_epoch", "from", "to"};

/// True when `text`, which starts with "{{", starts with a placeholder.
bool starts_with_placeholder(std::string_view text) {
  const std::size_t close = text.find("}}");
  if (close == std::string_view::npos) return false;
  const std::string_view name = trimmed(text.substr(2, close - 2));
  return std::find(kPlaceholders.begin(), kPlaceholders.end(), name) != kPlaceholders.end();
}

/// The mapped column that says the day of a row; empty where there is none.
const std::string& time_column(const Definition& definition) {
  return definition.dataset == Dataset::Metrics ? definition.mapping.date
                                                : definition.mapping.timestamp;
}

TimeColumn time_of(const Definition& definition) {
  TimeColumn time;
  const bool chosen_elsewhere = !definition.folder.empty() || has_placeholders(definition.query);
  if (chosen_elsewhere || time_column(definition).empty()) return time;
  const Mapping& mapping = definition.mapping;
  time.column = time_column(definition);
  time.kind = definition.dataset == Dataset::Metrics ? TimeColumn::Kind::Label
                                                     : TimeColumn::Kind::Timestamp;
  if (!mapping.timestamp_zone.empty()) time.zone = Zone::named(mapping.timestamp_zone);
  time.unit = mapping.timestamp_unit;
  return time;
}

std::string column_or_nothing(const Field& field) { return field.literal ? "" : field.text; }

std::string name_column(const Definition& definition) {
  switch (definition.dataset) {
    case Dataset::Events:
      return column_or_nothing(definition.mapping.event_name);
    case Dataset::Metrics:
      return column_or_nothing(definition.mapping.metric_name);
    case Dataset::Exposures:
      return column_or_nothing(definition.mapping.experiment);
    case Dataset::EntityProperties:
      return "";
  }
  throw std::logic_error("a dataset without a name column");
}

}  // namespace

std::string_view name_of(ColumnType type) {
  switch (type) {
    case ColumnType::Boolean:
      return "boolean";
    case ColumnType::Integer:
      return "integer";
    case ColumnType::Double:
      return "double";
    case ColumnType::Decimal:
      return "decimal";
    case ColumnType::Text:
      return "text";
    case ColumnType::Uuid:
      return "uuid";
    case ColumnType::Date:
      return "date";
    case ColumnType::Timestamp:
      return "timestamp";
    case ColumnType::TimestampTz:
      return "timestamptz";
    case ColumnType::Json:
      return "json";
    case ColumnType::Binary:
      return "binary";
    case ColumnType::Other:
      return "other";
  }
  throw std::logic_error("a column type without a name");
}

Query query_of(const Definition& definition, std::string tag) {
  Query query;
  query.sql = definition.query;
  query.folder = definition.folder;
  query.time = time_of(definition);
  query.partition = definition.partition;
  query.columns = columns_of(definition);
  query.name_column = name_column(definition);
  query.zone = Zone::named(definition.zone);
  query.tag = std::move(tag);
  return query;
}

bool has_placeholders(std::string_view sql) {
  char quote = 0;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const std::string_view rest = sql.substr(i);
    const char c = rest.front();
    if (rest.starts_with("{{")) {
      if (starts_with_placeholder(rest)) return true;
    } else if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (rest.starts_with("--") || rest.starts_with("/*")) {
      // A query that only mentions one in a comment selects no rows by it.
      const std::size_t end = rest.find(c == '-' ? "\n" : "*/", 2);
      if (end == std::string_view::npos) return false;
      i += end;
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    }
  }
  return false;
}

bool is_snapshot(const Definition& definition) {
  return definition.folder.empty() && time_column(definition).empty() &&
         !has_placeholders(definition.query);
}

bool ProbeReport::ok() const {
  return !steps.empty() &&
         std::all_of(steps.begin(), steps.end(), [](const Step& step) { return step.ok; });
}

}  // namespace millrace
