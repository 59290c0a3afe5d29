#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "engine/database.h"
#include "model/ingestion.h"
#include "model/source.h"

namespace millrace::pipeline {

/// Name and SQL expression of a column, in the order of the file.
using Computed = std::vector<std::pair<std::string, std::string>>;

/// One table row that a staged row may become.
struct Branch {
  Computed values;      ///< Every output, as an expression over staged columns.
  std::string present;  ///< Condition: this staged row has it. "true": every good row.
  std::size_t key = 0;  ///< Which of Uniqueness::searches finds its copies.
};

/// What must be unique within the day, and what happens to copies.
struct Uniqueness {
  enum class Rule {
    None,
    Reject,  ///< Every copy is rejected as duplicate_key.
    Sum,     ///< Copies become one row with summed numbers.
    First,   ///< The first by `order` stays; the others are excluded by `excluded_as`.
  };
  /// Staged columns by whose hash copies are looked for, and where. Cheaper than the key itself.
  struct Search {
    std::string columns, condition;
  };
  Rule rule = Rule::None;
  std::vector<std::string> key;    ///< Of outputs and `extra`.
  std::vector<std::string> extra;  ///< Staged columns that key and order need beside the outputs.
  std::string order;
  std::string excluded_as;
  std::vector<Search> searches;
};

/// A number that a mapping reads from a column, over staged columns: a column none of whose values
/// is one is mapped by mistake.
struct Cast {
  std::string column, raw, value;
};

/// The mapping of one day as SQL for the engine: one pass over the source, no per-row C++.
///
/// `select` gives one staged row per source row: its computed columns, and beside them
///   _reject    why the row is not in the dataset, its first reason; NULL for a good row
///   _exclude   the rule that leaves it out: outside_day
///   _partly    why some of the rows that it could become are missing (wide metrics only)
///   _detail    which metrics those are
///   _original  the source row as JSON where `_reject` is set (unless `original` says otherwise)
///   _time      a numeric time as it came, where the row is not good
struct MapSql {
  std::string select;
  std::vector<std::string> outputs;  ///< The table's columns that the file holds, in order.
  std::vector<Branch> branches;
  /// Staged rows are the table's rows: where all are good, the staged file is the data file.
  bool in_place = false;
  bool has_time = false;               ///< Staged rows have `_time`.
  bool has_partly = false;             ///< Staged rows have `_partly` and `_detail`.
  std::string original = "_original";  ///< The source row as JSON, over staged columns.
  Uniqueness unique;
  std::vector<Column> source;  ///< What the query gives: without it `original` cannot be read.
  std::vector<Cast> casts;
  std::vector<std::string> sums;  ///< Numeric outputs, for the certificate.
  std::string name_output;        ///< event_name, metric_name, experiment; may be empty.
  std::string time_output;        ///< ts; may be empty.
};

/// The day, or the days side by side, whose rows one statement maps, and the load of each.
struct MappedDays {
  Day first;
  std::vector<std::string> loads;
  /// Of several: a number column of the source, but not of its `columns`, that says which day a row
  /// is of (0: the first). Staged rows keep it.
  std::string number;
};

/// Columns that a mapping names must be in `source.columns`, once: else Misconfigured
/// `missing_column` naming the nearest, or `duplicate_column`.
MapSql map_sql(const Definition& definition, const engine::Relation& source, const MappedDays& days,
               const std::vector<std::string>& unit_types);

/// The one canonical text of a value, whatever warehouse it came from: ids and metadata are stored
/// as this. 123.0 is 123, 1.50 is 1.5, a UUID is lower-case, an instant ends in Z.
std::string canonical_text(const std::string& expression, ColumnType type);

}  // namespace millrace::pipeline
