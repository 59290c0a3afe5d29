#include "pipeline/staged_select.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"

namespace millrace::pipeline {
namespace {

using engine::identifier;
using engine::literal;

/// Characters for which the hosted product drops an event, NUL and line ends among them.
constexpr std::string_view kForbiddenClass = R"("\\\[\]{}<>#=;&$%|\x00\n\r)";

std::string anded(const std::vector<std::string>& conditions) {
  return conditions.empty() ? "true" : fmt::format("{}", fmt::join(conditions, " AND "));
}

/// `, a AS "x", b AS "y"` without the first comma.
std::string selected(const Computed& columns) {
  std::string list;
  for (const auto& [name, expression] : columns) {
    list += fmt::format("{}{} AS {}", list.empty() ? "" : ",\n  ", expression, identifier(name));
  }
  return list;
}

/// By halves: a chain of as many comparisons as there are days would cost more than the rest.
std::string among(const std::string& number, std::size_t first, std::size_t last,
                  const std::function<std::string(std::size_t)>& of) {
  if (last - first == 1) return of(first);
  const std::size_t middle = (first + last) / 2;
  return fmt::format("CASE WHEN {} < {} THEN {} ELSE {} END", number, middle,
                     among(number, first, middle, of), among(number, middle, last, of));
}

}  // namespace

void check_name(const std::string& what, const std::string& name) {
  const auto characters = std::count_if(name.begin(), name.end(),
                                        [](unsigned char byte) { return (byte & 0xC0) != 0x80; });
  const bool forbidden = name.find_first_of(kForbiddenInNames) != std::string::npos;
  if (!name.empty() && !forbidden && characters <= kNameCharactersMax) return;
  throw Error(
      Fault::Misconfigured, "bad_name",
      fmt::format("the {} \"{}\" in the mapping breaks the rules on names", what, name),
      fmt::format("Names have 1 to {} characters and none of \" \\ [ ] {{ }} < > # = ; & $ % |",
                  kNameCharactersMax));
}

StagedSelect::StagedSelect(const Definition& definition, const engine::Relation& relation,
                           const MappedDays& days)
    : source(relation, days.number),
      mapping(definition.mapping),
      days_(days),
      zone_(Zone::named(definition.zone)),
      day_decided_(!definition.folder.empty()) {
  if (const std::string valid = source.valid_text(); valid != "true") {
    good_.push_back(valid);
    reasons_.emplace_back(fmt::format("NOT ({})", valid), "bad_text");
  }
  if (const std::string bytes = source.bytes(); !bytes.empty()) {
    good_.push_back(fmt::format("{} <= {}", bytes, kRowBytesMax));
    reasons_.emplace_back(fmt::format("{} > {}", bytes, kRowBytesMax), "too_large");
  }
}

std::string StagedSelect::by_day(const std::function<std::string(std::size_t)>& of) const {
  return days_.number.empty() ? of(0) : among(days_.number, 0, days_.loads.size(), of);
}

void StagedSelect::add(const std::string& name, const std::string& expression) {
  computed_.emplace_back(name, expression);
}

void StagedSelect::derive(const std::string& name, const std::string& expression) {
  derived_.emplace_back(name, expression);
}

void StagedSelect::keep(const std::string& name) { kept_.push_back(name); }

void StagedSelect::keep(const std::string& name, const std::string& expression) {
  add(name, expression);
  keep(name);
}

void StagedSelect::reject(const std::string& reason, const std::string& bad,
                          const std::string& good) {
  reasons_.emplace_back(bad, reason);
  if (good != "true") good_.push_back(good);
}

void StagedSelect::keep_name(const std::string& name, const Field& field) {
  if (field.literal) {
    check_name(name, field.text);
    keep(name, literal(field.text));
    return;
  }
  keep(name, source.text(field.text));
  const std::string allowed = literal(fmt::format("[^{}]+", kForbiddenClass));
  // Bytes first: a name of few bytes has few characters, and counting bytes is free.
  reject("no_name", fmt::format("{0} IS NULL OR {0} = ''", name),
         fmt::format("strlen({}) <= {}", name, kNameCharactersMax));
  reject("name_too_long", fmt::format("length({}) > {}", name, kNameCharactersMax), "true");
  reject("bad_name", fmt::format("NOT regexp_full_match({}, {})", name, allowed),
         fmt::format("regexp_full_match({}, {})", name, allowed));
}

std::vector<std::string> StagedSelect::keep_units(const std::string& prefix, const Named& ids) {
  std::vector<std::string> names, present;
  for (const auto& [unit, column] : ids) {
    names.push_back(identifier(prefix + unit));
    keep(prefix + unit, source.id(column));
    present.push_back(names.back() + " IS NOT NULL");
  }
  const std::string any = fmt::format("({})", fmt::join(present, " OR "));
  reject("no_id", "NOT " + any, any);
  return names;
}

void StagedSelect::keep_time(const std::string& column) {
  if (column.empty()) {
    keep("ts", "CAST(NULL AS TIMESTAMPTZ)");
    return;
  }
  const Zone of_column =
      mapping.timestamp_zone.empty() ? Zone() : Zone::named(mapping.timestamp_zone);
  const auto time_of = [&](Day day) {
    return time_sql(source.value(column), source.named(column).type, of_column,
                    mapping.timestamp_unit, day, zone_);
  };
  std::vector<TimeSql> times;
  for (std::size_t i = 0; i < days_.loads.size(); ++i) times.push_back(time_of(day_at(i)));
  // How a value is read holds for a year around the day.
  const TimeSql& time = times.front();
  const auto bound = [&](const char* name, std::string TimeSql::* part) {
    const std::string constant = by_day([&](std::size_t i) { return times.at(i).*part; });
    if (days_.number.empty()) return constant;
    add(name, constant);
    return std::string(name);
  };
  const std::string start = bound("_start", &TimeSql::start), end = bound("_end", &TimeSql::end);
  const std::string in_day = fmt::format("{0} >= {1} AND {0} < {2}", time.compared, start, end);
  keep("ts", time.instant);
  has_number_ = !time.number.empty();
  if (has_number_) add("_number", time.number);
  if (day_decided_) {
    reject("bad_time", "ts IS NULL", "ts IS NOT NULL");
    return;
  }
  outside_ = fmt::format("ts IS NOT NULL AND NOT ({})", in_day);
  reject("bad_time", "ts IS NULL", in_day);
}

void StagedSelect::add_label(const std::string& column) {
  if (column.empty()) return;
  add("_label", label_sql(source.value(column), source.named(column).type));
  const std::string same = fmt::format("_label = {}", by_day([&](std::size_t i) {
                                         return fmt::format("DATE '{}'", day_at(i).text());
                                       }));
  if (!day_decided_) outside_ = fmt::format("_label IS NOT NULL AND NOT ({})", same);
  reject("bad_time", "_label IS NULL", day_decided_ ? "_label IS NOT NULL" : same);
}

/// `_json`: the object column as compact JSON text; NULL where it is not JSON.
void StagedSelect::add_object(const std::string& column) {
  const std::string raw = source.value(column);
  // Parsing takes many times the text's memory; a row that is too large is not parsed.
  add("_json", fmt::format("CASE WHEN strlen({0}) <= {1} THEN CAST(TRY(json({0})) AS VARCHAR) END",
                           raw, kRowBytesMax));
  // An empty text and JSON's null are nothing, as NULL is.
  reject("bad_metadata",
         fmt::format("NOT ({0} IS NULL OR {0} = '' OR coalesce(_json = 'null' OR "
                     "starts_with(_json, '{{'), false))",
                     raw),
         fmt::format("({} IS NULL OR coalesce(starts_with(_json, '{{'), false))", raw));
}

void StagedSelect::keep_metadata() {
  Named columns = mapping.metadata;
  if (mapping.metadata_all) {
    Definition others;
    others.mapping = mapping;
    others.mapping.metadata_all = false;
    columns = source.with_all_others(columns, columns_of(others));
  }
  if (mapping.metadata_object.empty()) {
    keep("metadata", columns.empty() ? "CAST(NULL AS VARCHAR)" : source.json(columns));
    return;
  }
  add_object(mapping.metadata_object);
  keep("metadata");
  if (columns.empty()) {
    derive("metadata", "CASE WHEN starts_with(_json, '{') THEN _json END");
    return;
  }
  add("_columns", source.json(columns));
  // A key of both comes from its own column, being the more deliberate of the two, unless that is
  // null: so nulls leave the patch first (RFC 7396 takes them as deletions).
  derive("metadata",
         "CASE WHEN starts_with(_json, '{') THEN CAST(json_merge_patch(_json, "
         "json_merge_patch('{}', _columns)) AS VARCHAR) ELSE _columns END");
}

/// What the staged file holds, as expressions over the last layer.
std::vector<std::string> StagedSelect::staged(MapSql& map) const {
  std::vector<std::string> list;
  for (const std::string& name : kept_) list.push_back(identifier(name));
  list.insert(list.end(), {"_load", "_reject", "_exclude"});
  if (!days_.number.empty()) list.push_back(days_.number);
  map.has_partly = !partly.empty();
  if (map.has_partly) {
    list.push_back(fmt::format(
        "CASE WHEN _reject IS NULL AND _exclude IS NULL THEN {} END AS _partly", partly));
    list.push_back(fmt::format(
        "CASE WHEN _exclude IS NULL AND {} IS NOT NULL THEN {} END AS _detail", partly, detail));
  }
  map.has_time = has_number_;
  if (has_number_) list.emplace_back("CASE WHEN NOT _good THEN _number END AS _time");
  if (keeps_source) {
    for (const auto& [name, expression] : source.kept()) list.push_back(name);
    map.original = source.original_of_kept();
  } else {
    list.push_back(
        fmt::format("CASE WHEN _reject IS NOT NULL THEN {} END AS _original", source.original()));
  }
  return list;
}

void StagedSelect::write(MapSql& map) const {
  map.source = source.all();
  // Columns named in one layer are used by the next ones; the engine computes each once.
  std::string sql = source.layer();
  const auto layer = [&](const std::string& list) {
    if (!list.empty()) sql = fmt::format("SELECT *,\n  {}\nFROM ({})", list, sql);
  };
  Computed first = computed_;
  first.emplace_back("_load", by_day([&](std::size_t i) { return literal(days_.loads.at(i)); }));
  if (keeps_source) {
    for (const auto& column : source.kept()) first.push_back(column);
  }
  layer(selected(first));
  layer(selected(derived_));
  layer(fmt::format("coalesce({}, false) AS _good", anded(good_)));
  layer(outside_.empty()
            ? "CAST(NULL AS VARCHAR) AS _exclude"
            : fmt::format("CASE WHEN _good THEN NULL WHEN {} THEN 'outside_day' END AS _exclude",
                          outside_));
  std::string chain = "CASE WHEN _good OR _exclude IS NOT NULL THEN NULL";
  for (const auto& [bad, reason] : reasons_) {
    chain += fmt::format("\n    WHEN {} THEN {}", bad, literal(reason));
  }
  layer(chain + " END AS _reject");
  map.select = fmt::format("SELECT {}\nFROM ({})", fmt::join(staged(map), ",\n  "), sql);
}

}  // namespace millrace::pipeline
