#pragma once

#include <string_view>

namespace millrace::catalog {

/// Days by when they first ended, with all that says whether one is due: a backfill has many, few
/// of which are. Sources that the API made have the hour of their dataset, which used to be copied.
inline constexpr std::string_view kFollowUp[] = {
    R"(CREATE INDEX day_ended ON day (project_id, first_ended_at, checked_at, attempt, flags)
         WHERE first_ended_at IS NOT NULL)",
    R"(UPDATE ingestion SET upkeep = json_remove(upkeep, '$.schedule.hour')
       WHERE managed_by = 'api')",
};

}  // namespace millrace::catalog
