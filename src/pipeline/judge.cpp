#include "pipeline/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "pipeline/stage_day.h"
#include "pipeline/tell.h"

namespace millrace::pipeline {
namespace {

std::string counts(const Reasons& reasons) {
  std::string text;
  for (const auto& [reason, rows] : reasons) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", rows, reason);
  }
  return text;
}

/// Why a person or a second look must come first; empty when the day may shrink like this.
std::string shrink_reason(const LoadRequest& request, const Version& current,
                          const Manifest& manifest, const std::optional<Manifest>& looked_before) {
  const std::int64_t then = rows_of_day(current.certificate);
  const std::int64_t now = rows_of_day(manifest.certificate);
  if (now >= then || request.accept) return {};
  const Limits& limits = request.ingestion.limits;
  if (now == 0) {
    if (limits.allow_empty) return {};
    return fmt::format("the day had {} rows and now has none", then);
  }
  const bool agrees = looked_before && looked_before->revision == manifest.revision &&
                      rows_of_day(looked_before->certificate) == now &&
                      looked_before->fingerprint == manifest.fingerprint;
  const double lost = 100.0 * static_cast<double>(then - now) / static_cast<double>(then);
  if (lost > limits.shrink_max_percent) {
    if (request.automatic && agrees) return {};
    return fmt::format("the day shrank from {} to {} rows ({:.1f} % gone, shrink_max is {:.0f} %)",
                       then, now, lost, limits.shrink_max_percent);
  }
  if (!request.automatic || agrees) return {};
  return fmt::format("the day shrank from {} to {} rows; a second look must agree", then, now);
}

/// What the base holds stays, and so does what its read of the warehouse proved: a replay reads
/// nothing there, so the day stays as stale as it was. It has no token, which speaks of a moment:
/// the next check asks the fingerprint.
void add_to(const Version& base, Version& replay) {
  replay.kind = VersionKind::Replay;
  replay.revision = base.revision;
  replay.fingerprint = base.fingerprint;
  replay.files.insert(replay.files.begin(), base.files.begin(), base.files.end());
  std::set<std::pair<std::string, std::string>> delivers(base.delivers.begin(),
                                                         base.delivers.end());
  delivers.insert(replay.delivers.begin(), replay.delivers.end());
  replay.delivers.assign(delivers.begin(), delivers.end());
}

/// Of the last four same weekdays that have rows; nothing where one lacks.
std::optional<std::int64_t> usual_rows(House& house, const std::string& ingestion, Day day) {
  constexpr int kWeeks = 4;
  std::vector<std::int64_t> rows;
  for (int week = 1; week <= kWeeks; ++week) {
    const Day same = day.plus(-7 * week);
    for (const DayRow& known : house.catalog.days(ingestion, DayRange{same, same})) {
      if (known.rows > 0) rows.push_back(known.rows);
    }
  }
  if (rows.size() < kWeeks) return {};
  std::sort(rows.begin(), rows.end());
  return (rows[1] + rows[2]) / 2;
}

/// What to tell people of a first load that is outside half and twice the usual; empty otherwise.
std::string unusual_volume(House& house, const std::string& ingestion, const Manifest& manifest) {
  const auto usual = usual_rows(house, ingestion, manifest.day);
  const std::int64_t rows = manifest.certificate.output_rows;
  if (!usual || (2 * rows >= *usual && rows <= 2 * *usual)) return {};
  return fmt::format("unusual volume: {} rows, where the last four such weekdays had {}", rows,
                     *usual);
}

}  // namespace

Attempt attempt_of(const Error& error) {
  if (error.code == kTooManyRejected) return Attempt::Rejected;
  return error.code == kNoDataYet ? Attempt::Waiting : Attempt::Failed;
}

Verdict judge(House& house, const LoadRequest& request, const catalog::Lease& lease,
              const Manifest& manifest) {
  const Certificate& certificate = manifest.certificate;
  const RejectLimit& limit = request.ingestion.limits.max_rejected;
  if (!limit.allows(certificate.rejected, certificate.read)) {
    return {
        .error = Error(
            Fault::BadData, std::string(kTooManyRejected),
            fmt::format("{} of {} rows were rejected ({}), max_rejected is {}",
                        certificate.rejected, certificate.read,
                        counts(certificate.rejected_by_reason), limit.text()),
            fmt::format("Look at them with `millrace quarantine {} --day {}`, then fix the "
                        "mapping or raise [ingestion.{}.limits] max_rejected",
                        request.ingestion.handle, manifest.day.text(), request.ingestion.handle)),
        .hold_reason = {}};
  }
  // A day that is not over is replaced by whatever there is now.
  if (lease.current.empty() || manifest.provisional) return {};
  const auto current = house.catalog.version(lease.current);
  if (!current) return {};
  std::optional<Manifest> looked_before;
  const auto state = house.catalog.day(request.ingestion.id, manifest.day);
  if (state && !state->held_load.empty()) {
    looked_before = house.store.sealed(request.ingestion.definition.dataset, state->held_load);
  }
  return {.error = {}, .hold_reason = shrink_reason(request, *current, manifest, looked_before)};
}

std::string publish_manifest(House& house, const Ingestion& ingestion, const catalog::Lease& lease,
                             const Manifest& manifest, const std::optional<Version>& base,
                             const std::optional<catalog::RowBudget>& budget) {
  house.store.settle(ingestion.definition.dataset, ingestion.id, {&manifest});
  require_claim(house);
  return publish_settled(house, ingestion, lease, manifest, base, budget);
}

namespace {

/// False where nothing was published, as one of them cannot be, or the answer to the COMMIT got
/// lost.
bool published_together(House& house, const Ingestion& ingestion, std::vector<SealedDay>& days,
                        const std::optional<catalog::RowBudget>& budget) {
  try {
    std::vector<const Manifest*> manifests;
    for (const SealedDay& day : days) manifests.push_back(&day.manifest);
    house.store.settle(ingestion.definition.dataset, ingestion.id, manifests);
    require_claim(house);
    house.catalog.atomically([&] {
      for (SealedDay& day : days) {
        day.note = publish_settled(house, ingestion, day.lease, day.manifest, {}, budget);
      }
    });
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::string publish_settled(House& house, const Ingestion& ingestion, const catalog::Lease& lease,
                            const Manifest& manifest, const std::optional<Version>& base,
                            const std::optional<catalog::RowBudget>& budget) {
  Version version;
  version.id = manifest.load;
  version.ingestion = ingestion.id;
  version.day = manifest.day;
  version.parent = lease.current;
  version.revision = manifest.revision;
  version.files = manifest.files;
  if (!manifest.quarantine.empty()) {
    version.quarantine = house.store.layout().quarantine(ingestion.definition.dataset, ingestion.id,
                                                         manifest.day, manifest.load);
  }
  version.certificate = manifest.certificate;
  version.fingerprint = manifest.fingerprint;
  version.token = manifest.token;
  version.delivers = manifest.delivers;
  version.published_at = house.env.now();
  unsigned flags = 0;
  if (manifest.moved_during_read) flags |= kMovedDuringRead;
  if (manifest.not_repeatable) flags |= kNotRepeatable;
  if (manifest.provisional) flags |= kProvisional;
  if (base) add_to(*base, version);
  std::string note = manifest.note;
  if (const std::string unusual = lease.current.empty() && !manifest.provisional
                                      ? unusual_volume(house, ingestion.id, manifest)
                                      : std::string();
      !unusual.empty()) {
    flags |= kUnusualVolume;
    note += (note.empty() ? "" : "; ") + unusual;
  }
  try {
    house.catalog.publish(lease, version, flags, note, budget);
  } catch (const Error&) {
    // The answer to a COMMIT can get lost although the commit is there.
    if (!house.catalog.published_seq(manifest.load)) throw;
  }
  return note;
}

void publish_days(House& house, const Ingestion& ingestion, std::vector<SealedDay>& days,
                  const std::optional<catalog::RowBudget>& budget) {
  if (days.size() > 1 && published_together(house, ingestion, days, budget)) return;
  for (SealedDay& day : days) {
    try {
      day.note = publish_manifest(house, ingestion, day.lease, day.manifest, {}, budget);
    } catch (const Error& error) {
      day.error = error;
    }
  }
}

}  // namespace millrace::pipeline
