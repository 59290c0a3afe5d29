#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "warehouse/sql_connector.h"

namespace millrace::warehouse {

/// What a server said about a statement.
struct ServerMessage {
  std::string sqlstate;  ///< Five characters; empty when the connection broke instead.
  std::string text, detail, hint;
  std::string context;  ///< In what it happened: a function, a piece of JSON; mostly empty.
  int position = 0;     ///< 1-based, in characters of the statement; 0: none given.
};

/// The Error for a statement that failed, with the customer's line and a caret under the place.
/// Only what the server says of the statement itself, or of its own state, is in `what()`; what it
/// says of data is in `in_full` (see base/quoted.h).
Error statement_error(const ServerMessage& message, const Statement& statement);

/// How many characters of UTF-8 a text has: what positions in a statement count.
int characters(std::string_view text);

/// A server's text as one sentence: its lines joined by "; ".
std::string one_line(std::string_view text);

}  // namespace millrace::warehouse
