#include "warehouse/query_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/letters.h"
#include "base/nearest.h"
#include "engine/database.h"
#include "warehouse/sql_pieces.h"

namespace millrace::warehouse {
namespace {

std::int64_t epoch_seconds(Instant instant) {
  return std::chrono::floor<std::chrono::seconds>(instant).time_since_epoch().count();
}

/// What one placeholder stands for, as a literal and as bare text.
struct Rendered {
  std::string literal, bare;
};

Rendered rendered(std::string_view name, DayRange range, const Zone& zone, const Dialect& dialect) {
  const auto day = [&](Day value) { return Rendered{dialect.date_literal(value), value.text()}; };
  const auto instant = [&](Instant value) {
    return Rendered{dialect.instant_literal(value), iso_text(value) + "+00"};
  };
  const auto number = [](Instant value) {
    const std::string digits = std::to_string(epoch_seconds(value));
    return Rendered{digits, digits};
  };
  if (name == "day" || name == "from") return day(range.first);
  if (name == "to") return day(range.last);
  if (name == "day_start") return instant(zone.bounds(range.first).start);
  if (name == "day_end") return instant(zone.bounds(range.last).end);
  if (name == "day_start_epoch") return number(zone.bounds(range.first).start);
  if (name == "day_end_epoch") return number(zone.bounds(range.last).end);
  constexpr std::array<std::string_view, 7> kNames = {
      "day", "day_start", "day_end", "day_start_epoch", "day_end_epoch", "from", "to"};
  throw Error(Fault::Misconfigured, "unknown_placeholder",
              fmt::format("reading the query: {{{{{}}}}} is not a placeholder{}", name,
                          did_you_mean(nearest(name, std::span<const std::string_view>(kNames)))),
              fmt::format("The placeholders are {{{{{}}}}}.", fmt::join(kNames, "}}, {{")));
}

[[noreturn]] void refuse(const std::string& problem) {
  throw Error(Fault::Misconfigured, "not_one_select", "reading the query: " + problem,
              "Give one SELECT statement; WITH … SELECT is one too.");
}

/// Follows parentheses, semicolons and the first word over the code between quotes and comments.
class Shape {
 public:
  /// `end` is where this piece ends in the whole text.
  void read(const Piece& piece, std::size_t end) {
    if (piece.kind == Piece::Kind::Comment) return;
    if (piece.kind != Piece::Kind::Code) {
      begin_statement(end);
      return;
    }
    const std::size_t start = end - piece.text.size();
    for (std::size_t i = 0; i < piece.text.size(); ++i) read(piece.text[i], start + i + 1);
  }

  /// The end of the statement's last character.
  std::size_t finish() const {
    if (end_ == 0) refuse("it is empty");
    if (depth_ > 0) refuse("a parenthesis is not closed");
    for (const std::string_view allowed : {"select", "with", "values", "from", "table"}) {
      if (word_ == allowed) return end_;
    }
    refuse("it is not a SELECT" + (word_.empty() ? "" : " but starts with " + word_));
  }

 private:
  void begin_statement(std::size_t end) {
    if (semicolon_) refuse("it holds more than one statement");
    word_done_ = true;
    end_ = end;
  }

  void read(char c, std::size_t end) {
    const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (c == '\0') refuse("it holds a NUL character");
    const bool opens_before_word = word_.empty() && !word_done_ && c == '(';
    if (!blank && c != ';') {
      const bool word = std::isalpha(static_cast<unsigned char>(c)) != 0;
      if (semicolon_) refuse("it holds more than one statement");
      if (word && !word_done_) word_ += static_cast<char>(std::tolower(c));
      if (!word && !opens_before_word) word_done_ = true;
      end_ = end;
    } else if (!word_.empty()) {
      word_done_ = true;
    }
    if (c == ';' && end_ > 0) semicolon_ = true;
    if (c == '(') ++depth_;
    if (c == ')' && --depth_ < 0) refuse("a parenthesis is closed that was not opened");
  }

  int depth_ = 0;
  bool semicolon_ = false, word_done_ = false;
  std::size_t end_ = 0;
  std::string word_;
};

}  // namespace

std::string render(std::string_view sql, DayRange range, const Zone& zone, const Dialect& dialect) {
  std::string out;
  for (const Piece& piece : sql_pieces(sql, dialect)) {
    std::string_view rest = piece.text;
    for (auto open = rest.find("{{"); open != std::string_view::npos; open = rest.find("{{")) {
      const auto close = rest.find("}}", open);
      if (close == std::string_view::npos) break;
      const auto name = trimmed(rest.substr(open + 2, close - open - 2));
      const bool placeholder = !name.empty() && name.find_first_of("{}:'\"") == name.npos;
      out += rest.substr(0, open);
      if (!placeholder) {
        out += rest.substr(open, close + 2 - open);
      } else {
        const Rendered value = rendered(name, range, zone, dialect);
        out += piece.kind == Piece::Kind::Code ? value.literal : value.bare;
      }
      rest = rest.substr(close + 2);
    }
    out += rest;
  }
  return out;
}

std::string tag_comment(const std::string& tag) {
  std::string safe;
  for (const char c : tag) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_') safe += c;
  }
  return fmt::format("{}{}{}*/ ", engine::kOurComment, safe, safe.empty() ? "" : " ");
}

std::string one_select(std::string_view sql, const Dialect& dialect) {
  Shape shape;
  std::size_t end = 0;
  for (const Piece& piece : sql_pieces(sql, dialect)) {
    end += piece.text.size();
    shape.read(piece, end);
  }
  return std::string(trimmed(sql.substr(0, shape.finish())));
}

std::string customers_text(const Query& query, DayRange range, const Dialect& dialect) {
  return one_select(render(query.sql, range, query.zone, dialect), dialect);
}

const Column& column_named(const std::vector<Column>& described, std::string_view name) {
  const Column* similar = nullptr;
  int similar_ones = 0;
  std::vector<std::string> names;
  for (const Column& column : described) {
    if (column.name == name) return column;
    names.push_back(column.name);
    if (!same_name(column.name, name)) continue;
    similar = &column;
    ++similar_ones;
  }
  if (similar_ones == 1) return *similar;
  throw Error(Fault::Misconfigured, "missing_column",
              fmt::format("the query has no column {}{}", name,
                          did_you_mean(nearest(name, std::span<const std::string>(names)))),
              fmt::format("Its columns are: {}.", fmt::join(names, ", ")));
}

}  // namespace millrace::warehouse
