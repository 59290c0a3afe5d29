#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "warehouse/libpq_login.h"
#include "warehouse/sql_connector.h"

namespace millrace::warehouse {

/// What a server said about a statement.
struct ServerMessage {
  std::string sqlstate;  ///< Five characters; empty when the connection broke instead.
  std::string text, detail, hint;
  std::string context;  ///< In what it happened: a function, a piece of JSON; mostly empty.
  int position = 0;     ///< 1-based, in characters of the statement; 0: none given.
};

/// The Error for a connection that could not be opened. `words` is libpq's text at verbosity
/// VERBOSE: what the server said carries its SQLSTATE, so its language does not matter.
Error connect_error(std::string_view words, const LibpqLogin& login);

/// The Error for a statement that failed, with the customer's line and a caret under the place.
/// Only what the server says of the statement itself, or of its own state, is in `what()`; what it
/// says of data is in `in_full` (see base/quoted.h).
Error statement_error(const ServerMessage& message, const Statement& statement);

/// The server's own words in libpq's text: "FATAL:  28P01: no such thing\nLOCATION: …" is
/// sqlstate 28P01, text "no such thing". Texts of libpq itself have no sqlstate.
ServerMessage parsed(std::string_view words);

}  // namespace millrace::warehouse
