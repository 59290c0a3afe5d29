#pragma once

#include <optional>
#include <string>

#include "model/ingestion.h"
#include "model/source.h"

namespace millrace::pipeline {

/// How the time of a row is read from one column.
struct TimeSql {
  std::string instant;     ///< TIMESTAMPTZ; NULL where the value is no time that can be stored.
  std::string compared;    ///< What says whether the row is of the day: the column, where it can.
  std::string start, end;  ///< Of the day: constants that `compared` is not below, and is below.
  std::string number;      ///< A numeric time as DOUBLE; empty for other types.
};

/// `column` is an expression of the column's type. Naive times become instants by Zone::instant_of;
/// a DATE is the label of its day and stands for the day's first instant. Text is read as ISO 8601,
/// or as an epoch where a unit is given.
TimeSql time_sql(const std::string& column, ColumnType type, const Zone& column_zone,
                 std::optional<TimeUnit> unit, Day day, const Zone& project_zone);

/// The day label that a column holds, as DATE; NULL where it holds none. Never shifted: a time of
/// day is cut off as it is written (in UTC for a column with a zone).
std::string label_sql(const std::string& column, ColumnType type);

/// Microseconds in a unit.
std::int64_t micros_per(TimeUnit unit);

/// An instant as a constant of the engine.
std::string instant_literal(Instant instant);

}  // namespace millrace::pipeline
