#include "warehouse/statement_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <optional>

#include "base/letters.h"
#include "base/quoted.h"

namespace millrace::warehouse {
namespace {

using enum Fault;

/// Where in the customer's text a position of the whole statement lies.
struct Place {
  int line = 0, column = 0;
  std::string text;  ///< That line.
};

/// Bytes before the character at `position` (1-based).
std::size_t byte_offset(std::string_view text, int position) {
  std::size_t at = 0;
  for (int seen = 1; at < text.size() && seen < position; ++seen) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return at;
}

std::optional<Place> place_of(const Statement& statement, int position) {
  if (position <= 0 || statement.customers.empty()) return {};
  const auto start = statement.sql.find(statement.customers);
  const auto at = byte_offset(statement.sql, position);
  if (start == std::string::npos || at < start || at > start + statement.customers.size()) {
    return {};
  }
  const std::string_view text = statement.customers;
  const auto offset = at - start;
  const auto before = text.substr(0, offset);
  const auto line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const auto line_end = std::min(text.find('\n', offset), text.size());
  Place place;
  place.line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  place.column = 1 + characters(before.substr(line_start));
  place.text = text.substr(line_start, line_end - line_start);
  return place;
}

struct Verdict {
  Fault fault;
  std::string_view code;
  std::string_view advice;
};

Verdict verdict_on(const ServerMessage& message) {
  const std::string_view state = message.sqlstate;
  const auto in_class = [&](std::string_view prefix) { return state.starts_with(prefix); };
  if (state.empty() || in_class("08") || state == "57P01" || state == "57P02") {
    return {Unavailable, "connection_lost",
            "The server or the network ended the connection: try again"};
  }
  if (state == "42P01" || state == "3F000") {
    return {Misconfigured, "missing_table", "Check its name and schema"};
  }
  if (state == "42703") {
    return {Misconfigured, "missing_column",
            "Check its spelling; `millrace connection columns` lists those of a table"};
  }
  if (state == "42501") {
    return {Misconfigured, "no_permission",
            "Ask that this user may SELECT from a table, or EXECUTE a function"};
  }
  const bool writes_within = message.text.find("data-modifying") != std::string::npos;
  if (state == "25006" || (state == "0A000" && writes_within)) {
    return {Misconfigured, "not_read_only", "A query here may only read: use a plain SELECT"};
  }
  if (state == "57014") {
    return {Unavailable, "statement_cancelled", "Somebody at the server, or its limit, ended it"};
  }
  if (state == "55P03") {
    return {Unavailable, kTableWanted, "Somebody waits to truncate or rewrite it; try again"};
  }
  if (in_class("53")) return {Throttled, "server_is_full", "Try again when it has less to do"};
  if (in_class("40") || in_class("55") || state == "57P03") {
    return {Unavailable, "try_again", "Another transaction was in the way; try again"};
  }
  if (in_class("22")) {
    return {
        BadData, "bad_value_in_query",
        "A value does not fit what the query does with it: let the query guard it, or leave that "
        "row out"};
  }
  if (in_class("P0")) {
    return {BadData, "raised_in_query", "A function that the query calls refuses a row"};
  }
  return {Misconfigured, "sql_error",
          "Correct the query; `millrace sample` tries one without loading"};
}

/// Whose words a message's are, and so what they may hold.
enum class Speaks {
  OfNames,   ///< The server, of the statement or of itself.
  OfValues,  ///< The server, of data: it quotes values.
  Freely,    ///< Some function, of anything: `raise exception 'customer % is bad'`.
};

/// Whether all names that are quoted stand in the statement, which is no secret.
bool quotes_only(const std::string& text, const Statement& statement) {
  const std::string sql = lower_case(statement.sql);
  for (auto first = text.find('"'); first != std::string::npos;) {
    const auto last = text.find('"', first + 1);
    if (last == std::string::npos) return false;
    const std::string name = lower_case(text.substr(first + 1, last - first - 1));
    if (sql.find(name) == std::string::npos) return false;
    first = text.find('"', last + 1);
  }
  return true;
}

/// A function can raise every SQLSTATE, but the server says that it did; and it points at a place
/// only in the statement, before that has seen a row: `'people'::regclass` there, a value's
/// `::regclass` nowhere. Redshift points nowhere, so the statement is looked at.
Speaks speaks(const ServerMessage& message, const Statement& statement) {
  const std::string_view state = message.sqlstate;
  const auto is_one_of = [&](std::initializer_list<std::string_view> beginnings) {
    return std::ranges::any_of(beginnings, [&](auto one) { return state.starts_with(one); });
  };
  if (!message.context.empty()) return Speaks::Freely;
  if (message.position > 0 || state.empty() || state == "42501") return Speaks::OfNames;
  if (is_one_of({"08", "0A", "25", "28", "40", "53", "54", "55", "57", "58"})) {
    return Speaks::OfNames;
  }
  const bool of_names =
      is_one_of({"3F", "42"}) && message.detail.empty() && quotes_only(message.text, statement);
  if (of_names) return Speaks::OfNames;
  return is_one_of({"22", "23", "3F", "42", "XX"}) ? Speaks::OfValues : Speaks::Freely;
}

/// What may stand in a log.
std::string safe_words(const ServerMessage& message, Speaks speaks) {
  switch (speaks) {
    case Speaks::OfNames:
      break;
    case Speaks::OfValues:
      return without_values(one_line(message.text));
    case Speaks::Freely:
      return fmt::format("its words may hold values of rows{}{}",
                         message.sqlstate.empty() ? "" : "; SQLSTATE ", message.sqlstate);
  }
  std::string words = one_line(message.text);
  if (!message.detail.empty()) words += fmt::format(" ({})", one_line(message.detail));
  return words;
}

}  // namespace

int characters(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : trimmed(text)) {
    if (c == '\n') {
      out += "; ";
    } else if (c != '\r' && c != '\t') {
      out += c;
    }
  }
  return out;
}

Error statement_error(const ServerMessage& message, const Statement& statement) {
  const Verdict verdict = verdict_on(message);
  const auto place = place_of(statement, message.position);
  std::string before = "the warehouse refused the query", after;
  if (place) {
    before += fmt::format(" at line {}, column {}", place->line, place->column);
    after = fmt::format("\n  {}\n  {:>{}}", place->text, '^', place->column);
  }
  if (verdict.code == "connection_lost") before = "the connection to the warehouse broke";
  const Speaks spoken = speaks(message, statement);
  const std::string safe = safe_words(message, spoken);
  const bool of_names = spoken == Speaks::OfNames;
  std::string advice(verdict.advice);
  if (!message.hint.empty() && of_names) advice = one_line(message.hint);
  Error error(verdict.fault, std::string(verdict.code), before + ": " + safe + after, advice);
  if (!of_names) {
    std::string words = one_line(message.text);
    for (const std::string& more : {message.detail, message.hint}) {
      if (!more.empty()) words += fmt::format(" ({})", one_line(more));
    }
    if (words != safe) error.in_full = before + ": " + words + after;
  }
  if (error.fault == Throttled) error.retry_after = std::chrono::seconds(30);
  return error;
}

}  // namespace millrace::warehouse
