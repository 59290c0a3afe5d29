#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/house.h"
#include "pipeline/load.h"

/// What a person does with a day that is already there.
namespace millrace::pipeline {

/// Publishes what `load` held back.
DayOutcome accept(House& house, const Ingestion& ingestion, Day day);

/// Makes an older version current again (`to` empty: what the current one replaced) and holds the
/// day, so that nothing automatic reloads it. Throws BadData `version_gone` when its files were
/// deleted.
void undo(House& house, const Ingestion& ingestion, Day day, const std::string& to);
void release(House& house, const Ingestion& ingestion, Day day);

/// Rejected rows of a day: the quarantine of the current version, or, when the last attempt was
/// rejected, of that attempt. Address of the Parquet file; none when nothing was rejected.
/// Throws what `require_quarantine` throws.
std::optional<std::string> quarantine_file(House& house, const Ingestion& ingestion, Day day);
/// Throws Misconfigured `quarantine_swept` when a sweep took the version's rejected rows.
void require_quarantine(House& house, const Ingestion& ingestion, const Version& version);

}  // namespace millrace::pipeline
