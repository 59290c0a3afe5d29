#include "cli/one_day.h"

#include <fmt/format.h>

namespace millrace::cli {

Asked asked(Context& context, const Arguments& arguments, bool write) {
  pipeline::House& house = context.home.house(write);
  return {house, house.catalog.ingestion(arguments.get("NAME")), *arguments.day("day")};
}

Version version_of(const Asked& it, const std::string& id) {
  for (const Version& version : it.house.catalog.history(it.ingestion.id, it.day)) {
    if (version.id == id || brief(version.id) == id) return version;
  }
  throw Error(
      Fault::Misconfigured, "unknown_version",
      fmt::format("{} {} has no version {}", it.ingestion.handle, it.day.text(), id),
      fmt::format("See `millrace history {} --day {}`", it.ingestion.handle, it.day.text()));
}

Version current_version(const Asked& it) {
  const auto state = it.house.catalog.day(it.ingestion.id, it.day);
  if (state && !state->current.empty()) return version_of(it, state->current);
  throw Error(
      Fault::Misconfigured, "unknown_day",
      fmt::format("{} has no version of {}", it.ingestion.handle, it.day.text()),
      fmt::format("Load it with `millrace load {} --day {}`", it.ingestion.handle, it.day.text()));
}

std::string brief(const std::string& id) {
  if (id.starts_with("r-")) return id.substr(0, 10);
  return id.size() > 13 ? id.substr(0, 8) + "…" + id.substr(id.size() - 4) : id;
}

std::string minutes_text(Instant instant) {
  const std::string text = to_text(instant);
  return text.substr(0, 10) + " " + text.substr(11, 5);
}

}  // namespace millrace::cli
