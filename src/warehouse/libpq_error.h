#pragma once

#include <string_view>

#include "base/error.h"
#include "warehouse/libpq_login.h"
#include "warehouse/statement_error.h"

namespace millrace::warehouse {

/// The Error for a connection that could not be opened. `words` is libpq's text at verbosity
/// VERBOSE: what the server said carries its SQLSTATE, so its language does not matter.
Error connect_error(std::string_view words, const LibpqLogin& login);

/// The server's own words in libpq's text: "FATAL:  28P01: no such thing\nLOCATION: …" is
/// sqlstate 28P01, text "no such thing". Texts of libpq itself have no sqlstate.
ServerMessage parsed(std::string_view words);

}  // namespace millrace::warehouse
