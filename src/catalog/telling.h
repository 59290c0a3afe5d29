#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "model/version.h"

namespace millrace::catalog {

/// A load that has ended, as people are told of it.
struct Ended {
  std::string load, ingestion, run, trigger;
  Day day;
  Attempt attempt = Attempt::None;
  bool held = false;           ///< What it staged waits.
  std::optional<Error> error;  ///< Of one that failed.
  std::string note;            ///< Why it is held, or what is remarkable.
  std::int64_t rows = 0, rejected = 0;
  Instant at;
  bool watched = false;      ///< Somebody started it at a terminal, and has seen how it ended.
  bool was_failing = false;  ///< The day's load before this one had failed.
  /// The day before it that has ended had no rows either.
  bool empty_again = false;
};

/// What people hear of once, however many days it hits. The body is JSON of `notify`.
struct IncidentRow {
  std::string id, cause;  ///< At most one of a cause is open.
  Instant opened_at;
  std::optional<Instant> closed_at;
  std::string body;
};

/// One message to one target, in the outbox until it was sent. A second one with the same key,
/// channel and target is not taken.
struct Note {
  std::string id;     ///< Its Message-ID; stays the same however often it is sent.
  std::string event;  ///< Shared by all that tell the same.
  std::string key, kind, title;
  std::string channel, target;  ///< "mail" | "direct" | "slack" | "webhook"; address or name
  std::string body;             ///< JSON of `notify`.
  Instant written_at, next_at;  ///< Not tried before `next_at`.
  std::int64_t tries = 0;
  std::optional<Instant> sent_at, refused_at;  ///< Refused: never tried again.
  std::string error_text;                      ///< Of the last try.
};

}  // namespace millrace::catalog
