#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/retention.h"
#include "pipeline/house.h"

namespace millrace::pipeline {

struct Swept {
  std::vector<std::string> removed;  ///< Paths relative to the store's root.
  std::vector<std::string> foreign;  ///< Data files that no load of this catalog made.
  std::int64_t bytes = 0;
};

/// Removes files that no retained version needs: only those of closed loads that this catalog
/// registered, what killed writers left half-written, and rejected rows that were kept for long
/// enough. Unknown files are reported, and removed
/// only with `foreign`. Never touches a file that a current, held or running load names. `dry_run`
/// only says what would go. Misconfigured `retention_too_long` above what other writers' VACUUM
/// respects; Conflict `not_the_latest_catalog`, before anything is deleted, when another catalog
/// has claimed the store.
Swept sweep(House& house, bool dry_run, bool foreign, const Retention& retention);

}  // namespace millrace::pipeline
