#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "pipeline/house.h"
#include "pipeline/load.h"

namespace millrace::pipeline {

inline constexpr std::string_view kTooManyRejected = "too_many_rejected";

/// How a day's last attempt ended, when it ended with this.
Attempt attempt_of(const Error& error);

/// Whether a sealed day may become current: publish, hold for a person, or fail.
struct Verdict {
  std::optional<Error> error;
  std::string hold_reason;  ///< Empty: publish.
};

/// The rules on rejects and on shrinking; reads the catalog, changes nothing.
Verdict judge(House& house, const LoadRequest& request, const catalog::Lease& lease,
              const Manifest& manifest);

/// Makes files that have their final names the day's current version. `base` is the version that a
/// replay adds to; none: the manifest is all there is. `budget`: see Catalog::publish. Returns what
/// people should know of it.
std::string publish_settled(House& house, const Ingestion& ingestion, const catalog::Lease& lease,
                            const Manifest& manifest, const std::optional<Version>& base = {},
                            const std::optional<catalog::RowBudget>& budget = {});
/// Gives them those names first, and proves that no other catalog has claimed the store.
std::string publish_manifest(House& house, const Ingestion& ingestion, const catalog::Lease& lease,
                             const Manifest& manifest, const std::optional<Version>& base = {},
                             const std::optional<catalog::RowBudget>& budget = {});

/// A day that passed all rules.
struct SealedDay {
  catalog::Lease lease;
  Manifest manifest;
  std::string note;            ///< Of publish_settled, once it is published.
  std::optional<Error> error;  ///< Why it could not be.
};

/// publish_manifest of each, with one wait for the disk where each would have several of its own.
/// Where one of them cannot be published, each goes by itself, so that only that one fails.
void publish_days(House& house, const Ingestion& ingestion, std::vector<SealedDay>& days,
                  const std::optional<catalog::RowBudget>& budget);

}  // namespace millrace::pipeline
