#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/day.h"

namespace millrace {

/// One stretch of time with one offset, as the monotone rule of `Zone` cuts it.
struct ZonePiece {
  Naive begins;   ///< First naive time that it serves; strictly rising from piece to piece.
  Instant since;  ///< When the offset came into force.
  std::chrono::seconds offset;
  std::optional<Instant> floor;  ///< `since`, where some of its naive times lie in the gap.
};

struct ZoneRules {
  std::vector<ZonePiece> pieces;  ///< Never empty; the first begins at Naive::min().
  /// Adds the offset that is in force from `since` on; must be called in order of time.
  void add(Instant since, std::chrono::seconds offset);
};

/// Rules of an IANA zone from the system's time zone data; none when there is no such name.
/// Throws Misconfigured `no_time_zones` when the machine has no such data.
std::optional<ZoneRules> iana_rules(std::string_view name);
/// Every name that `iana_rules` knows.
std::vector<std::string> iana_names();

}  // namespace millrace
