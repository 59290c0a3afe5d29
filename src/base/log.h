#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

/// One line is one event: a sentence and its values. Goes to stderr; JSON lines when
/// MILLRACE_LOG=json, nothing below `warning` unless MILLRACE_LOG_LEVEL says so.
namespace millrace::log {

using Values = std::initializer_list<std::pair<std::string_view, std::string>>;

/// From here on `info` is written too, unless MILLRACE_LOG_LEVEL says otherwise: a service tells
/// what it does.
void tell_what_is_done();

void debug(std::string_view sentence, Values values = {});
void info(std::string_view sentence, Values values = {});
void warning(std::string_view sentence, Values values = {});
void error(std::string_view sentence, Values values = {});

}  // namespace millrace::log
