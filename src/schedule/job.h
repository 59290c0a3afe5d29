#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "schedule/decide.h"

namespace millrace::schedule {

/// What one runner does from its beginning to its end, for one ingestion.
struct Job {
  /// In the order in which they begin.
  enum class Kind {
    Call,      ///< Days that somebody waits for.
    Due,       ///< What the schedule says.
    Backfill,  ///< A piece of one: it may take hours.
  };
  Kind kind = Kind::Due;
  std::string ingestion;  ///< Its id.
  std::string connection;
  int reads_most = 1;  ///< How many reads the connection takes at once.
  /// Call, Backfill: what was asked for. Due: of its first loads, and of those of all ingestions of
  /// the dataset that were due together; empty where it has none.
  std::string run;
  int reads = 1;                ///< Backfill: so many days of it may be read at the same time.
  std::vector<Action> actions;  ///< Due: by day.
  std::vector<catalog::KeptDay> seen;  ///< Due: the days as they were when it was decided.
};

/// The place of the one of `waiting` that begins next beside `under_way`; none where none may.
/// Calls go first, then what is due, then backfills, each in the order given. Never two of one
/// ingestion and kind, never more of one connection than it takes, never more than `most` in all;
/// one of them is kept for calls, a second one from backfills, and a read of a connection from
/// backfills.
std::optional<std::size_t> next_job(const std::vector<Job>& waiting,
                                    const std::vector<Job>& under_way, int most);

/// How many reads it may have, beginning now: more than one where no other backfill waits and they
/// would be left to backfills.
int reads_for(const Job& job, const std::vector<Job>& waiting, const std::vector<Job>& under_way,
              int most);

}  // namespace millrace::schedule
