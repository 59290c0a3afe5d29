#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/database.h"
#include "model/work.h"
#include "pipeline/mapping.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {

// What rows that are not loaded say about the mapping. These look at the views `staged` and `ruled`
// and at the certificate's counts.

/// Throws where the mapping fits no row at all: BadData `cast_failed` naming the column, or
/// Misconfigured `timestamp_unit` with the unit that fits.
void refuse_misfits(engine::Database& database, const MapSql& map, const WorkOrder& work,
                    const Manifest& manifest, std::stop_token stop);

/// The Misconfigured `timestamp_unit` of rows whose times all are near the day in another unit than
/// they were read as; none where they are not, or where some row lies in the day.
std::optional<Error> misread_unit(engine::Database& database, const MapSql& map,
                                  const WorkOrder& work, const Manifest& manifest,
                                  std::stop_token stop);

/// "33 % of rows lie outside the day, all 00:00–08:00 UTC: your query's day is UTC"; empty where
/// none do. `rows`: which ones were looked at, "rows" where it is all of them.
std::string outside_note(engine::Database& database, const MapSql& map, const WorkOrder& work,
                         const Manifest& manifest, std::string_view rows, std::stop_token stop);

/// "8 rows have no day, and no load reads them: their ts is null, or no time"; empty where there
/// are none, and where the query selects its own rows, so that such a row reaches the mapping. Asks
/// the warehouse.
std::string no_day_note(warehouse::Connector& connector, const Query& query, Day day,
                        std::stop_token stop);

/// "96 rows of the day are not read, as their ds is another date; lag_days lets later ones in";
/// empty where there are none, and where no partition prunes. Asks the warehouse without pruning.
std::string pruned_note(warehouse::Connector& connector, const Query& query, Day day,
                        std::int64_t rows, std::stop_token stop);

/// What a few rows of any day say of a day without rows, by the column that decides a row's day.
/// Throws Misconfigured `timestamp_unit` where numbers are times near the day in another unit than
/// they are read in, BadData `cast_failed` where no value is a time. Returns a note where none of
/// the rows has a value; empty where all is well.
std::string misread_times(engine::Database& database, const engine::Relation& rows,
                          const Column& column, const TimeColumn& time,
                          const Definition& definition, Day day, std::stop_token stop);

}  // namespace millrace::pipeline
