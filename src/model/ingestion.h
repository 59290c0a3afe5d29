#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/audience.h"
#include "model/day.h"
#include "model/upkeep.h"

namespace millrace {

enum class Dataset { Events, Metrics, Exposures, EntityProperties };
inline constexpr Dataset kDatasets[] = {Dataset::Events, Dataset::Metrics, Dataset::Exposures,
                                        Dataset::EntityProperties};
/// `events`, `metrics`, `exposures`, `entity_properties`: folder, table and TOML word alike.
std::string_view name_of(Dataset dataset);
std::optional<Dataset> dataset_named(std::string_view name);

enum class TimeUnit { Seconds, Milliseconds, Microseconds };
std::string_view name_of(TimeUnit unit);  ///< "s", "ms", "us"

/// The rules on names of events, metrics, experiments and groups, as the hosted product has them.
inline constexpr int kNameCharactersMax = 127;
inline constexpr std::string_view kForbiddenInNames{"\"\\[]{}<>#=;&$%|\n\r\0", 18};

/// A column of the query's result, or one value for all rows.
struct Field {
  std::string text;
  bool literal = false;
  bool mapped() const { return literal || !text.empty(); }
  bool operator==(const Field&) const = default;
};

/// In the order written; keys are unique.
using Named = std::vector<std::pair<std::string, std::string>>;

/// One metric of a wide table: `value`, or `numerator` and `denominator`; column names.
struct WideMetric {
  std::string name, value, numerator, denominator;
  bool operator==(const WideMetric&) const = default;
};

enum class OnDuplicate { Reject, Sum, Last };
std::string_view name_of(OnDuplicate rule);  ///< "reject", "sum", "last"

/// How a row of the query becomes rows of a dataset. Names are columns of the query's result.
/// Which members apply depends on the dataset; `definition` refuses the others.
struct Mapping {
  // events and exposures
  Field event_name;
  Field experiment, group_id;
  std::string timestamp;       ///< Also optional for entity properties.
  std::string timestamp_zone;  ///< Zone name for a column without one; empty: UTC.
  std::optional<TimeUnit> timestamp_unit;
  Named ids;  ///< unit type -> column
  std::string event_value;
  Named metadata;  ///< key -> column
  bool metadata_all = false;
  std::string metadata_object;  ///< A column holding a JSON object.
  std::vector<std::string> dedupe;

  // metrics
  std::string date;
  Named units;  ///< Wide: unit type -> column.
  std::vector<WideMetric> metrics;
  Field unit_id, id_type, metric_name;  ///< Long: one metric value a row.
  std::string metric_value, numerator, denominator;
  OnDuplicate on_duplicate = OnDuplicate::Reject;
  std::string order_by;

  // entity properties
  Named properties;
  bool properties_all = false;

  bool operator==(const Mapping&) const = default;
};

/// A pruning predicate on another column: its value lies between the day and `lag_days` after.
struct Partition {
  std::string column;
  std::string type = "date";  ///< date | text | integer (20261120)
  int lag_days = 0;
  bool operator==(const Partition&) const = default;
};

/// Percent or rows, of one day.
struct RejectLimit {
  double percent = 1.0;
  std::optional<std::int64_t> rows;
  bool allows(std::int64_t rejected, std::int64_t read) const;
  std::string text() const;  ///< "1%" or "100 rows"
  bool operator==(const RejectLimit&) const = default;
};

/// What a version, a fingerprint and a load name as their definition. Everything in it changes
/// what a day means; nothing else does. Immutable once stored.
struct Definition {
  Dataset dataset = Dataset::Events;
  std::string query;  ///< SQL, placeholders unrendered; empty for a folder layout.
  std::string
      folder;  ///< `files`, `s3`: reads `<folder>/<YYYY-MM-DD>/*.parquet`; the folder is the day.
  Mapping mapping;
  std::optional<Partition> partition;
  std::string zone;  ///< The project's, by name.
  bool operator==(const Definition&) const = default;
};
/// "r-" and 16 hex digits of a hash over the definition's JSON: equal definitions, equal revision.
std::string revision_of(const Definition& definition);

struct Limits {
  RejectLimit max_rejected;
  double shrink_max_percent = 50;
  bool allow_empty = false;
  std::optional<std::int64_t> rows_per_month;  ///< A budget of billable rows.
  bool operator==(const Limits&) const = default;
};

/// An ingestion as people define it; `id` is opaque and never changes.
struct Ingestion {
  std::string id;      ///< UUIDv7; empty until the catalog gave one.
  std::string handle;  ///< The TOML key; what the command line takes.
  std::string name;    ///< Shown; unique per (kind, dataset). Defaults to the handle.
  std::string connection;
  std::string kind;  ///< The connection's kind.
  Definition definition;
  Limits limits;
  Upkeep upkeep;
  Audience audience;
  std::string managed_by;  ///< "file:<path of the set, relative to the home>" or "api".
  bool archived = false;
};

/// The hour of a dataset's schedule: its own among these, else the usual one.
int hour_of(Dataset dataset, const std::map<Dataset, int>& dataset_hours);
/// Whose hour applies, "ingestion" or "dataset".
std::string_view owner_of_hour(const Ingestion& ingestion);

/// With the hour that applies: its own, else `hour_of` its dataset.
/// Hourly: 0, for a day is due when it is over.
Upkeep upkeep_of(const Ingestion& ingestion, const std::map<Dataset, int>& dataset_hours);

/// A connection as people define it. A setting's value is text, or a reference to a secret
/// (`env:NAME`, `file:PATH`) that is resolved only when a session opens.
struct Connection {
  std::string name;
  std::string kind;
  std::map<std::string, std::string> settings;
  std::string managed_by;
  bool operator==(const Connection&) const = default;
};

struct Project {
  std::string id = "default";
  Zone zone;
  std::vector<std::string> unit_types;
};

/// The columns that a mapping reads, without repetition, in a fixed order; empty means all ("*").
std::vector<std::string> columns_of(const Definition& definition);

}  // namespace millrace
