#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::api {

/// A page of the installed documentation as HTML, by its path below docs/: "howto/trigger.md",
/// "glossary.md"; empty: the list of all. None where there is no such page. Links between pages
/// work as they are written.
std::optional<std::string> documentation(std::string_view page);

}  // namespace millrace::api
