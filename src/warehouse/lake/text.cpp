#include "warehouse/lake/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "engine/syntax.h"
#include "warehouse/query_text.h"
#include "warehouse/sql_pieces.h"

namespace millrace::warehouse::lake {

constinit const Dialect kDialect{
    .name = "duckdb",
    .identifier = quoted_identifier,
    .literal = quoted_literal,
    .date_literal = iso_date_literal,
    .instant_literal = iso_instant_literal,
    .naive_literal = iso_naive_literal,
};

LakeText lake_text(const std::string& sql, DayRange range, const Zone& zone, const Place& place,
                   const Reading& reading) {
  LakeText text;
  text.select = engine::single_select(render(sql, range, zone, kDialect));
  std::size_t taken = 0;
  for (const engine::FileRead& read : engine::file_reads(text.select)) {
    const std::string glob = place.resolve(read.path);
    text.globs.push_back(glob);
    text.sql += text.select.substr(taken, read.at - taken);
    text.sql += reading ? reading(glob, read, text.select) : quoted_literal(glob);
    taken = read.at + read.size;
  }
  text.sql += text.select.substr(taken);
  return text;
}

std::string any_day(const std::string& sql) {
  std::string out;
  for (const Piece& piece : sql_pieces(sql, kDialect)) {
    std::string_view rest = piece.text;
    const bool quoted = piece.kind == Piece::Kind::Literal || piece.kind == Piece::Kind::Identifier;
    for (auto open = rest.find("{{"); quoted && open != rest.npos; open = rest.find("{{")) {
      const auto close = rest.find("}}", open);
      if (close == rest.npos) break;
      out += std::string(rest.substr(0, open)) + "*";
      rest = rest.substr(close + 2);
    }
    out += rest;
  }
  return out;
}

namespace {

/// True where a word of the SQL's code, in lower case, is of this sort; with `quoted`, a word of a
/// quoted name too.
template <typename Sort>
bool has_word(const std::string& sql, bool quoted, const Sort& sort) {
  for (const Piece& piece : sql_pieces(sql, kDialect)) {
    const bool name = quoted && piece.kind == Piece::Kind::Identifier;
    if (piece.kind != Piece::Kind::Code && !name) continue;
    std::string word;
    for (const char c : std::string(piece.text) + " ") {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
        word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        continue;
      }
      if (sort(std::string_view(word))) return true;
      word.clear();
    }
  }
  return false;
}

bool contains(std::string_view word, std::string_view part) {
  return word.find(part) != std::string_view::npos;
}

}  // namespace

bool looks_beyond_files(const std::string& sql) {
  constexpr std::array<std::string_view, 7> kWords = {
      "now", "today", "random", "uuid", "gen_random_uuid", "uuidv4", "uuidv7"};
  return has_word(sql, false, [&](std::string_view word) {
    return std::ranges::find(kWords, word) != kWords.end() || word.starts_with("current_") ||
           contains(word, "sample");
  });
}

engine::Texts texts_of(const std::string& sql) {
  const bool may_cut_characters = has_word(
      sql, true, [](std::string_view word) { return word == "printf" || contains(word, "regex"); });
  return may_cut_characters ? engine::Texts::Unchecked : engine::Texts::Checked;
}

namespace {

std::string finite(const std::string& time, const std::string& value) {
  return "case when isfinite(" + time + ") then " + value + " end";
}

}  // namespace

std::string delivered(const Column& column) {
  const std::string name = quoted_identifier(column.name);
  switch (column.type) {
    case ColumnType::Json:
      return column.vendor_type == "JSON" ? "cast(" + name + " as varchar)"
                                          : "cast(to_json(" + name + ") as varchar)";
    case ColumnType::Decimal:
    case ColumnType::Uuid:
    case ColumnType::Other:
      return "cast(" + name + " as varchar)";
    case ColumnType::Text:
      return column.vendor_type == "VARCHAR" ? name : "cast(" + name + " as varchar)";
    case ColumnType::Timestamp: {
      const std::string time =
          column.vendor_type == "TIMESTAMP" ? name : "cast(" + name + " as timestamp)";
      return finite(name, time);
    }
    case ColumnType::Date:
    case ColumnType::TimestampTz:
      return finite(name, name);
    default:
      return name;
  }
}

std::string delivered_list(const std::vector<Column>& columns) {
  std::vector<std::string> items;
  for (const Column& column : columns) {
    items.push_back(delivered(column) + " as " + quoted_identifier(column.name));
  }
  return fmt::format("{}", fmt::join(items, ", "));
}

bool days_choose_files(const Query& query) {
  return !query.folder.empty() || has_placeholders(query.sql);
}

Fingerprint empty_fingerprint(const std::vector<Column>& columns) {
  std::vector<std::string> items;
  for (const Column& column : columns) items.push_back(column.name + " " + column.vendor_type);
  Fingerprint empty;
  empty.key =
      fmt::format("duckdb-hash-1/{}/{}", engine::Database::version(), fmt::join(items, ","));
  empty.sum = "0";
  return empty;
}

std::string hash_sum(const std::vector<Column>& columns) {
  std::vector<std::string> names;
  for (const Column& column : columns) names.push_back(quoted_identifier(column.name));
  return fmt::format("sum(hash({}))", fmt::join(names, ", "));
}

}  // namespace millrace::warehouse::lake
