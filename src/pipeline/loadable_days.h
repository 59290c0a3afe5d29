#pragma once

#include "pipeline/load.h"

namespace millrace::pipeline {

/// Throws where a day of the request cannot be loaded by anybody: Misconfigured `day_not_begun`, or
/// `snapshot_query` where the query can only tell of the latest day.
void require_loadable(House& house, const LoadRequest& request);

/// Whether no statement can read several of its days: each is a question of its own.
bool is_read_day_by_day(const Definition& definition);

}  // namespace millrace::pipeline
