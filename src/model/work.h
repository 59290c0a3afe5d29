#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "model/version.h"

namespace millrace {

/// What was true when a day was last loaded or exactly checked; what a check compares with.
struct Known {
  std::int64_t rows = 0;
  std::optional<Fingerprint> fingerprint;
  std::optional<std::string> token;         ///< Only while it may be trusted (token_max_age).
  bool content_checks = true;               ///< False for a query that is not repeatable.
  std::optional<double> threshold_percent;  ///< See FollowUpRule; COUNT alone is asked.
};

/// What a replay starts from. Paths are absolute.
struct Replayed {
  std::string quarantine;  ///< The version's rejected rows.
  std::vector<std::string> files;
  Certificate certificate;
};

/// One (load, day) of a work order.
struct DayOrder {
  std::string load;
  Day day;
  std::string staging;      ///< Absolute folder, made by the parent, written only by the child.
  std::vector<Gate> ready;  ///< Must all be open; a call that is awaited comes first.
  /// What the last load before the day was over saw of the gates' tables.
  std::vector<std::pair<std::string, std::string>> upstream;
  bool waits_for_data = false;       ///< A day without rows fails as Unavailable `no_data_yet`.
  bool is_doubted = false;           ///< Ask the fingerprint twice: is the query repeatable at all?
  std::optional<Known> known;        ///< Verb Check only.
  std::optional<Replayed> replayed;  ///< Verb Replay only.
};

/// Replay alone opens no session: the rows lie in the store.
enum class Verb {
  Probe,
  Browse,
  Columns,
  Describe,
  Sample,
  Scalar,
  Count,
  Check,
  Load,
  Validate,
  Replay,
  Cancel,  ///< What still runs at the warehouse for these loads.
};
std::string_view name_of(Verb verb);

/// What the parent hands to a worker process on its stdin: one session, one or many days.
/// The only place where resolved secrets travel; never logged, never stored.
struct WorkOrder {
  Verb verb = Verb::Probe;
  std::string kind;
  std::map<std::string, std::string> settings;  ///< Resolved; secrets in clear.
  std::vector<std::string> roots;               ///< Folders that the `files` kind may read.
  std::string ingestion;
  Definition definition;
  std::vector<std::string> unit_types;
  Limits limits;
  std::vector<DayOrder> days;
  std::string text;  ///< Browse: pattern. Columns: table. Scalar: SQL. Count: "name", where
                     ///< each name is counted by itself.
  std::int64_t rows = 100;
  std::int64_t memory_bytes = 0;  ///< For the engine; 0: its default.
  int threads = 0;
  bool fingerprint = true;
  std::optional<std::int64_t> max_scan_bytes;  ///< Verb Check: see FollowUpRule.
};

/// A sealed day, as the child reports it: the files lie durably in the staging folder.
struct Manifest {
  std::string load;
  Day day;
  std::string revision;
  std::vector<FileEntry> files;  ///< Paths are final; the bytes lie under the same name in staging.
  std::string quarantine;        ///< File name in staging; empty when nothing was rejected.
  Certificate certificate;
  std::optional<Fingerprint> fingerprint;
  std::optional<std::string> token;
  Delivered delivers;  ///< Metrics only.
  bool moved_during_read = false;
  bool not_repeatable = false;
  bool provisional = false;  ///< Begun before the day was over; the parent knows.
  std::map<std::string, std::int64_t> took_ms;  ///< By stage: repeat, look, read, seal.
  std::string note;  ///< For people: which columns are not repeatable, where out-of-day rows lie.
};

/// How far a load is; on a person's terminal a bar, in JSON a line.
struct Progress {
  std::string load;
  Day day;
  std::string stage;  ///< count | fingerprint | read | seal | publish
  std::int64_t rows = 0, bytes = 0;
  std::optional<std::int64_t> rows_total;
};

}  // namespace millrace
