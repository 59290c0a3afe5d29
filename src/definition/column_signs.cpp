#include "definition/column_signs.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <set>
#include <tuple>

#include "model/day.h"

namespace millrace::definition {
namespace {

constexpr std::array<std::string_view, 14> kTimeNames = {
    "timestamp", "eventtime",    "eventtimestamp", "ts", "time",      "occurredat", "happenedat",
    "createdat", "exposuretime", "datetime",       "at", "updatedat", "date",       "ds"};
constexpr std::array<std::string_view, 6> kTimeEndings = {"timestamp", "time", "ts",
                                                          "at",        "date", "epoch"};
constexpr std::int64_t kYear2000 = 946'684'800, kYear2100 = 4'102'444'800;

struct Epoch {
  TimeUnit unit;
  std::int64_t per_second;
};
constexpr Epoch kEpochs[] = {
    {TimeUnit::Seconds, 1}, {TimeUnit::Milliseconds, 1'000}, {TimeUnit::Microseconds, 1'000'000}};

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

/// Position among the usual names; behind them what only ends like a time; behind all the others.
std::size_t time_rank(std::string_view name) {
  const std::string folded = folded_name(name);
  const auto* usual = std::find(kTimeNames.begin(), kTimeNames.end(), folded);
  if (usual != kTimeNames.end()) return static_cast<std::size_t>(usual - kTimeNames.begin());
  const bool ends_like_one =
      std::any_of(kTimeEndings.begin(), kTimeEndings.end(),
                  [&](std::string_view end) { return folded.ends_with(end); });
  return kTimeNames.size() + (ends_like_one ? 0 : 1);
}

/// Words that are used for a unit, beside its own name without "ID".
std::vector<std::string> words_for(const std::string& stem) {
  if (stem == "user") return {"user", "customer", "member", "account"};
  if (stem == "stable") return {"stable", "device", "anonymous", "visitor"};
  if (stem == "company") return {"company", "organization", "org", "tenant"};
  return {stem};
}

}  // namespace

std::string folded_name(std::string_view name) {
  std::string folded;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || byte >= 0x80) folded += static_cast<char>(std::tolower(byte));
  }
  return folded;
}

ColumnSigns::ColumnSigns(const std::vector<Column>& columns, const Rows& rows)
    : columns_(columns), rows_(rows) {}

std::vector<std::string_view> ColumnSigns::values(std::size_t column) const {
  std::vector<std::string_view> values;
  for (const auto& row : rows_) {
    if (column < row.size() && !row[column].empty()) values.push_back(row[column]);
  }
  return values;
}

std::optional<std::size_t> ColumnSigns::named(std::span<const std::string_view> names) const {
  for (const std::string_view name : names) {
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      if (folded_name(columns_[column].name) == name) return column;
    }
  }
  return {};
}

bool ColumnSigns::is_number(std::size_t column) const {
  const ColumnType type = columns_[column].type;
  return type == ColumnType::Integer || type == ColumnType::Double || type == ColumnType::Decimal;
}

bool ColumnSigns::is_text(std::size_t column) const {
  return columns_[column].type == ColumnType::Text;
}

bool ColumnSigns::looks_like_id(std::size_t column) const {
  const std::string folded = folded_name(columns_[column].name);
  return columns_[column].type == ColumnType::Uuid || folded.ends_with("id") ||
         folded.ends_with("uuid") || folded.ends_with("key");
}

bool ColumnSigns::holds_objects(std::size_t column) const {
  if (columns_[column].type == ColumnType::Json) return true;
  const auto cells = values(column);
  return is_text(column) && !cells.empty() &&
         std::all_of(cells.begin(), cells.end(),
                     [](std::string_view cell) { return cell.front() == '{'; });
}

std::optional<TimeUnit> ColumnSigns::epoch_unit(std::size_t column) const {
  if (!is_number(column) && !is_text(column)) return {};
  const auto cells = values(column);
  if (cells.empty()) return {};
  for (const Epoch& epoch : kEpochs) {
    const bool fits = std::all_of(cells.begin(), cells.end(), [&](std::string_view cell) {
      const auto number = whole_number(cell);
      return number && *number >= kYear2000 * epoch.per_second &&
             *number < kYear2100 * epoch.per_second;
    });
    if (fits) return epoch.unit;
  }
  return {};
}

bool ColumnSigns::is_iso_time(std::size_t column) const {
  const auto cells = values(column);
  return is_text(column) && !cells.empty() &&
         std::all_of(cells.begin(), cells.end(), [](std::string_view cell) {
           return cell.size() >= 10 && Day::parse(cell.substr(0, 10)) &&
                  (cell.size() == 10 || cell[10] == ' ' || cell[10] == 'T');
         });
}

bool ColumnSigns::lacks_zone(std::size_t column) const {
  if (columns_[column].type == ColumnType::Timestamp) return true;
  if (!is_iso_time(column)) return false;
  const auto cells = values(column);
  return std::any_of(cells.begin(), cells.end(), [](std::string_view cell) {
    constexpr std::size_t kTimeStarts = 11;
    return cell.size() > kTimeStarts && cell.find_first_of("Zz+-", kTimeStarts) == cell.npos;
  });
}

std::vector<std::size_t> ColumnSigns::times() const {
  const std::size_t nameless = kTimeNames.size() + 1;
  std::vector<std::tuple<std::size_t, std::size_t, std::size_t>> found;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    const ColumnType type = columns_[column].type;
    const std::size_t rank = time_rank(columns_[column].name);
    if (type == ColumnType::TimestampTz || type == ColumnType::Timestamp) {
      found.emplace_back(0, rank, column);
    } else if ((epoch_unit(column) || is_iso_time(column)) && rank < nameless) {
      found.emplace_back(1, rank, column);
    } else if (type == ColumnType::Date) {
      found.emplace_back(2, rank, column);
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<std::size_t> columns;
  for (const auto& candidate : found) columns.push_back(std::get<2>(candidate));
  return columns;
}

std::optional<std::size_t> ColumnSigns::ids_of(std::string_view unit_type) const {
  const std::string whole = folded_name(unit_type);
  const std::array<std::string_view, 1> own = {whole};
  if (const auto column = named(own)) return column;
  const std::string stem = whole.ends_with("id") ? whole.substr(0, whole.size() - 2) : whole;
  if (stem.empty()) return {};
  for (const std::string& word : words_for(stem)) {
    const std::string id = word + "id", uuid = word + "uuid", key = word + "key";
    const std::array<std::string_view, 4> spellings = {id, uuid, key, word};
    if (const auto column = named(spellings)) return column;
  }
  return {};
}

std::size_t ColumnSigns::distinct(std::size_t column) const {
  const auto cells = values(column);
  return std::set<std::string_view>(cells.begin(), cells.end()).size();
}

}  // namespace millrace::definition
