#pragma once

#include <string>

#include "cli/command.h"

/// What the commands about one day of one ingestion share.
namespace millrace::cli {

struct Asked {
  pipeline::House& house;
  Ingestion ingestion;
  Day day;
  std::string text() const { return ingestion.handle + " " + day.text(); }
};

/// NAME and --day; both are needed.
Asked asked(Context& context, const Arguments& arguments, bool write);
/// A version of that day, by its id or by what `brief` makes of it. Throws Misconfigured
/// `unknown_version`.
Version version_of(const Asked& it, const std::string& id);
/// Throws Misconfigured `unknown_day`.
Version current_version(const Asked& it);

/// Enough of a version's id, or of a definition's, to tell those of one day apart.
std::string brief(const std::string& id);
std::string minutes_text(Instant instant);  ///< 2026-11-20 08:00

// In certificate_commands.cpp; their rows stand with the other commands about days.
ExitCode certificate(Context& context, const Arguments& arguments);
ExitCode diff(Context& context, const Arguments& arguments);

}  // namespace millrace::cli
