#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "model/source.h"

namespace millrace {

/// One Parquet file of a version. Immutable; several versions may name it.
struct FileEntry {
  std::string
      path;  ///< Relative to the table's folder: ingestion=<id>/day=<day>/<load id>-<part>.parquet
  std::int64_t bytes = 0;
  std::int64_t rows = 0;
  std::string revision;  ///< The definition this file was mapped with.
  std::string stats;     ///< Delta statistics, JSON text.
  bool operator==(const FileEntry&) const = default;
};

/// Why a source row is not in the dataset. Text is what people and files see: `no_id`.
using Reasons = std::map<std::string, std::int64_t>;

/// What proves a version. The unit of account is the source row:
/// read = loaded + partly_loaded + rejected + excluded, always.
struct Certificate {
  std::int64_t read = 0;
  std::int64_t loaded = 0;
  std::int64_t partly_loaded = 0;
  std::int64_t rejected = 0;
  std::int64_t excluded = 0;
  std::int64_t output_rows = 0;
  Reasons rejected_by_reason;  ///< A row with two reasons counts once, under its first.
  Reasons partly_by_reason;
  Reasons excluded_by_rule;  ///< outside_day, dedupe, on_duplicate …
  std::optional<std::int64_t> source_count;
  std::string counted_by;  ///< Who counted `source_count`: "postgres 15.18", "file metadata" …
  std::optional<Fingerprint> before, after;
  bool snapshot = false;  ///< Count, fingerprint and read saw the same rows.
  /// Sum of each numeric column of the stored rows; decimal text, or %.17g of a double.
  std::vector<std::pair<std::string, std::string>> sums;
  /// What a ready-gate saw of each table, as `Connector::written` says it.
  std::vector<std::pair<std::string, std::string>> upstream;
  bool adds_up() const { return read == loaded + partly_loaded + rejected + excluded; }
};

/// Source rows of the day itself, whatever became of them.
std::int64_t rows_of_day(const Certificate& certificate);

enum class VersionKind { Replace, Append, Replay };
std::string_view name_of(VersionKind kind);

/// A (metric, unit type) that a day of an ingestion delivers; no other ingestion may on that day.
using Delivered = std::vector<std::pair<std::string, std::string>>;

/// The immutable state of a day; its id is the id of the load that made it.
struct Version {
  std::string id;
  std::string ingestion;
  Day day;
  std::string parent;  ///< The version that was current when this one was published; may be empty.
  VersionKind kind = VersionKind::Replace;
  std::string revision;
  std::vector<FileEntry> files;  ///< Empty: *succeeded, no data*.
  std::string quarantine;  ///< File of rejected rows relative to the store's root; may be empty.
  Certificate certificate;
  std::optional<Fingerprint> fingerprint;  ///< What a check compares with: the *before* value.
  std::optional<std::string> token;
  Delivered delivers;  ///< Metrics only.
  Instant published_at;
};

enum class Attempt { None, Waiting, Loading, Loaded, Empty, Failed, Rejected };
std::string_view name_of(Attempt attempt);

enum DayFlag : unsigned {
  kHeld = 1,  ///< A staged version waits, or `undo` took one back: nothing automatic reloads.
  kMovedDuringRead = 2,  ///< The fingerprints before and after the read differ.
  kNotRepeatable = 4,    ///< Content checks are off.
  kUnusualVolume = 8,    ///< Far fewer or more rows than such weekdays have.
  kProvisional = 16,     ///< Loaded before the day was over.
  kCheckFailed = 32,     ///< The last check could not ask about this day.
};

/// A day as the catalog knows it.
struct DayState {
  std::string ingestion;
  Day day;
  std::string current;  ///< Version id; empty when none.
  Attempt attempt = Attempt::None;
  std::string load;  ///< Of the last attempt.
  unsigned flags = 0;
  std::string held_load;    ///< Staged and waiting for --accept; empty when held by undo.
  std::string hold_reason;  ///< For people.
  std::string error_code, error_text, error_advice;  ///< Of a failed attempt.
  std::optional<Fault> error_fault;
  Instant changed_at;
};

/// One row of `millrace days`.
struct DayRow {
  DayState state;
  std::int64_t rows = 0, quarantined = 0;
  std::int64_t partly_loaded = 0;  ///< Source rows; they are not among the quarantined.
  std::string revision;
  bool stale = false;  ///< Loaded by an older definition.
  std::optional<Instant> loaded_at;
  Interval bounds;
  std::string status;  ///< What a person sees; `status_of`.
  /// What the last check since found and nobody loaded, or why it found nothing out; empty where
  /// all is well.
  std::string known_difference;
  std::string error_in_full;  ///< As Error::in_full: for who may see rows.
  std::string note;           ///< What the load found worth saying, of a day without rows.
};

/// The one word for people: succeeded · succeeded, no data · provisional · failed · loading · held
/// · waiting · never loaded; `schedule/missing.h` adds *missing*. A failed reload shows as failed
/// although the current version stays readable.
std::string status_of(const DayState& state, bool current_is_empty);
/// What else people should know of the day: "moved during read", "unusual volume", "provisional",
/// "not repeatable". Holding is a status.
std::vector<std::string> remarks_of(unsigned flags);

enum class ChangedBy {
  Nothing,
  Token,
  Count,
  Fingerprint,
  NotComparable,
  NotRepeatable,
  NeverLoaded
};
std::string_view name_of(ChangedBy by);

/// The answer to "did the warehouse change since this day was loaded?", and by which question.
struct CheckResult {
  Day day;
  bool changed = false;
  std::string by;  ///< token | count | fingerprint; empty when nothing could be compared.
  std::optional<std::int64_t> rows_then, rows_now;
  std::string note;                     ///< Why not comparable, which columns do not repeat …
  std::optional<bool> repeatable;       ///< Only where the fingerprint was asked again to find out.
  std::optional<std::int64_t> took_ms;  ///< Of the answers; of one about several days its share.
  std::optional<std::int64_t> bytes;    ///< Of a fingerprint, where the warehouse estimates it.
  std::optional<Error> error;  ///< The day could not be asked about; nothing else is known.
};

/// DayRow::known_difference, of a check that nothing was loaded after.
std::string known_difference(const CheckResult& result);

}  // namespace millrace
