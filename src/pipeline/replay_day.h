#pragma once

#include <stop_token>

#include "pipeline/stage_day.h"

namespace millrace::pipeline {

/// The child's part of a replay: maps the rejected rows of a version again, by the order's
/// definition. Leaves in `order.staging` a file of the rows that fit now, a quarantine of those
/// that still do not, and the manifest: its files are the new ones alone, its certificate is that
/// of the whole day. Throws Conflict `replay_collides` where a new row has a key that is loaded
/// already: which of them counts takes the whole day to tell.
Manifest replay_day(const WorkOrder& work, const DayOrder& order, const Tell& tell,
                    std::stop_token stop);

}  // namespace millrace::pipeline
