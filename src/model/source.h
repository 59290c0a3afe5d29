#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ingestion.h"

namespace millrace {

/// What a column of a customer's query holds, as far as mapping and canonical text care.
enum class ColumnType {
  Boolean,
  Integer,
  Double,
  Decimal,
  Text,
  Uuid,
  Date,
  Timestamp,    ///< Without a zone.
  TimestampTz,  ///< An instant.
  Json,
  Binary,
  Other,  ///< Arrives as the vendor's text.
};
std::string_view name_of(ColumnType type);

struct Column {
  std::string name;
  ColumnType type = ColumnType::Text;
  std::string vendor_type;  ///< As the warehouse calls it; part of a fingerprint's key.
  bool operator==(const Column&) const = default;
};

/// Which column says the day of a row, and how.
struct TimeColumn {
  enum class Kind {
    None,       ///< A snapshot, or the placeholders decide.
    Timestamp,  ///< Naive or with a zone, date, or integer epoch; the column's type decides.
    Label,      ///< A DATE or ISO text that *is* the day; never shifted.
  };
  Kind kind = Kind::None;
  std::string column;
  Zone zone;  ///< Of naive timestamps.
  std::optional<TimeUnit> unit;
  /// Asks for the rows of no day in place of a day's: those whose column is null, or holds what no
  /// day can be told from.
  bool of_no_day = false;
};

/// What a connector is asked to run: the customer's SQL (or folder), and what makes it a day's.
struct Query {
  std::string sql;     ///< Placeholders unrendered; empty for a folder layout.
  std::string folder;  ///< See Definition::folder.
  TimeColumn time;
  std::optional<Partition> partition;
  std::vector<std::string> columns;  ///< Read and fingerprinted; empty: all of them.
  std::string name_column;           ///< For counts by event or metric name; may be empty.
  Zone zone;                         ///< The project's: what a day is.
  std::string tag;                   ///< Comment in each statement: the load's id.
};
Query query_of(const Definition& definition, std::string tag);

/// True when SQL holds a day placeholder outside comments: the customer's query then selects its
/// own rows.
bool has_placeholders(std::string_view sql);
/// True when neither a mapped time nor a placeholder nor a folder tells days apart.
bool is_snapshot(const Definition& definition);

struct DayCount {
  Day day;
  std::string name;  ///< Empty unless counted by name.
  std::int64_t rows = 0;
};

/// Rows and their content, computed in the warehouse. `key` names recipe, server major version,
/// columns and types: fingerprints of different keys are not comparable.
struct Fingerprint {
  std::string key;
  std::int64_t rows = 0;
  std::string sum;  ///< Decimal text of the sum of 64-bit row hashes, or a digest.
  /// Asked by column only: one sum each, in the order of the query's columns.
  std::vector<std::pair<std::string, std::string>> by_column;
  bool comparable(const Fingerprint& other) const { return key == other.key; }
  bool operator==(const Fingerprint&) const = default;
};

/// A day's change token; no text where the warehouse offers none.
struct Token {
  Day day;
  std::optional<std::string> text;
};

struct ProbeReport {
  struct Step {
    std::string name;  ///< "reach", "log in", "read a table" …
    bool ok = false;
    std::string detail, advice;
  };
  std::vector<Step> steps;
  std::string server;  ///< Product and version, as the server says.
  bool ok() const;
};

struct Table {
  std::string schema, name;
  std::string kind;  ///< "table", "view", "file"
};

}  // namespace millrace
