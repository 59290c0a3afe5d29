#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catalog/catalog.h"
#include "model/ingestion.h"
#include "notify/incident.h"

/// What is to be told: a pure decision here, a thin loop around it in teller.h.
namespace millrace::notify {

/// An ingestion, and who hears of it.
struct Subject {
  std::string handle, connection;
  bool include_rows = false;
  std::set<Target> targets;
};
/// Over the channels that are set up.
std::set<Target> targets_of(const Audience& audience, const NotifySettings& settings);

/// A backfill of which no day is open any more.
struct Backfill {
  std::string run;
  std::vector<catalog::RunDay> days;
};

/// What ended since the last digest.
struct DigestWindow {
  Day day;  ///< Of the digest itself, in the project's zone.
  std::vector<catalog::Ended> ended;
};

struct World {
  std::map<std::string, Subject> subjects;  ///< By id; ingestions that are there.
  std::vector<catalog::Ended> ended;        ///< Not considered yet, in their order.
  std::vector<catalog::Alert> alerts;       ///< Open ones.
  std::vector<Incident> open;
  /// Of every (ingestion, day) of `open` and of `ended`.
  std::map<std::pair<std::string, Day>, DayState> states;
  std::vector<Backfill> backfills;
  std::optional<DigestWindow> digest;  ///< When one is due.
};

struct Decision {
  std::vector<Message> messages;
  /// Those that are new, changed or closed.
  std::vector<Incident> incidents;
};

/// Asked again with what it decided in the catalog, and nothing new, it decides nothing.
Decision decide(const World& world, const NotifySettings& settings, Instant now);

/// The digest's time that has come since `until`; none when there is none yet.
std::optional<Instant> digest_due(const NotifySettings& settings, const Zone& zone, Instant until,
                                  Instant now);

/// So long a held day may still turn out well by itself: the second look comes within 30 minutes.
inline constexpr std::chrono::minutes kHeldPatience(40);
/// A check that fails is made again after half an hour; what lasts so long has failed repeatedly.
inline constexpr std::chrono::hours kCheckPatience(1);
/// What needs a person and hits further days is told again, but no more often than this.
inline constexpr std::chrono::hours kAgainAfter(1);

// -- parts of it

/// Whether the catalog still says of the day what the incident says.
bool stands(const World& world, Kind kind, const Member& member, Instant now);
/// A day as a line; values of rows are taken out of the error unless the subject allows them.
Line line_of(const Subject& subject, const catalog::Ended& ended);
/// The day of an alert as a line: "late", "not checked".
Line line_of(const Subject& subject, const catalog::Alert& alert);
/// Lines that say the same of one ingestion become one; what needs a person comes first.
std::vector<Line> merged(std::vector<Line> lines);
std::vector<Message> digest_messages(const World& world, const NotifySettings& settings,
                                     Instant now);
std::vector<Message> backfill_messages(const World& world, const NotifySettings& settings,
                                       Instant now);
/// The first lines and how many more there are.
void put_lines(Message& message, std::vector<Line> lines);

}  // namespace millrace::notify
