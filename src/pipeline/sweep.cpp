#include "pipeline/sweep.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "model/json.h"
#include "pipeline/tell.h"
#include "store/delta.h"

namespace millrace::pipeline {
namespace {

/// The load that a data file, quarantine file or staging folder belongs to, by its name.
std::string load_in(std::string_view path) {
  constexpr std::size_t kUuid = 36;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    const std::string_view name = path.substr(slash + 1, kUuid);
    const bool is_uuid = name.size() == kUuid && name[8] == '-' && name[13] == '-' &&
                         name[18] == '-' && name[23] == '-' &&
                         name.find('/') == std::string_view::npos;
    if (is_uuid && !path.substr(0, slash + 1).ends_with("ingestion=")) return std::string(name);
  }
  return {};
}

/// No write of ours takes so long: whoever began this file is gone.
constexpr std::chrono::hours kHalfWritten{1};
/// A `validate` stages under a load that is never registered; it may run for hours.
constexpr std::chrono::hours kUnregisteredStaging{24};

/// Long enough to see what the same day of last year was asked.
constexpr std::chrono::days kChecksKept{400};

class Sweep {
 public:
  Sweep(House& house, bool dry_run) : house_(house), dry_run_(dry_run) {}

  void garbage(std::chrono::seconds retention) {
    // From `condemn` on nobody can undo to what is about to go.
    const auto pieces =
        dry_run_ ? house_.catalog.garbage(retention) : house_.catalog.condemn(retention);
    // Another catalog may have taken the store over while we looked around.
    claim_store(house_.catalog, house_.store, house_.env);
    std::set<std::string> loads;
    for (const auto& piece : pieces) {
      if (piece.staging) {
        unpublished(piece);
      } else {
        remove(piece.path);
      }
      loads.insert(piece.load);
    }
    if (!dry_run_) house_.catalog.mark_swept({loads.begin(), loads.end()});
  }

  /// Of current versions, too. Their certificates still count these rows. What errors quote of
  /// rows is kept as long.
  void old_quarantines(std::chrono::seconds retention) {
    for (const std::string& path : house_.catalog.old_quarantines(house_.env.now() - retention)) {
      remove(path);
    }
    if (!dry_run_) house_.catalog.forget_quoted_rows(house_.env.now() - retention);
  }

  void old_checks() {
    if (!dry_run_) house_.catalog.forget_checks(house_.env.now() - kChecksKept);
  }

  void half_written() {
    if (dry_run_) return;
    for (std::string& path :
         house_.store.objects().abort_uploads(house_.env.now() - kHalfWritten)) {
      swept_.removed.push_back(std::move(path));
    }
  }

  void foreign(bool remove_them) {
    const std::string staging = house_.store.layout().project + "/_staged/";
    for (const store::ObjectInfo& object :
         house_.store.objects().list(house_.store.layout().project + "/")) {
      if (object.path.find("/_delta_log/") != std::string::npos ||
          object.path.find("/_publish/") != std::string::npos) {
        continue;
      }
      const std::string load = load_in(object.path);
      if (!load.empty() && house_.catalog.registered(load)) continue;
      swept_.foreign.push_back(object.path);
      const bool may_be_in_use = object.path.starts_with(staging) &&
                                 object.modified > house_.env.now() - kUnregisteredStaging;
      if (remove_them && !may_be_in_use) remove(object.path);
    }
  }

  Swept take() { return std::move(swept_); }

 private:
  /// What a load left that ended without a version: in staging, and, where it had begun to settle,
  /// what its manifest names. The manifest goes last, so that a sweep cut short can go on.
  void unpublished(const catalog::Catalog::Garbage& piece) {
    for (const store::ObjectInfo& object : house_.store.objects().list(piece.path + "/")) {
      remove(object.path);
    }
    if (!dry_run_) house_.store.discard(piece.dataset, piece.load);
    const store::Layout& layout = house_.store.layout();
    const std::string path = layout.manifest(piece.dataset, piece.load);
    const auto text = house_.store.objects().get(path);
    if (!text) return;
    const Manifest manifest = json::manifest(json::parse(*text, path));
    for (const FileEntry& file : manifest.files) {
      if (load_in("/" + file.path) == piece.load) {
        remove(layout.table(piece.dataset) + "/" + file.path);
      }
    }
    remove(layout.quarantine(piece.dataset, piece.ingestion, manifest.day, piece.load));
    remove(path);
  }

  void remove(const std::string& path) {
    const auto bytes = house_.store.objects().size(path);
    if (!dry_run_ && !house_.store.objects().remove(path)) return;
    if (!bytes) return;
    swept_.removed.push_back(path);
    swept_.bytes += *bytes;
  }

  House& house_;
  const bool dry_run_;
  Swept swept_;
};

}  // namespace

Swept sweep(House& house, bool dry_run, bool foreign, const Retention& retention) {
  if (retention.versions > store::kForeignVacuumSpares) {
    throw Error(Fault::Misconfigured, "retention_too_long",
                fmt::format("superseded versions cannot be kept for {} days: other writers' VACUUM "
                            "may take their files after {}",
                            std::chrono::ceil<std::chrono::days>(retention.versions).count(),
                            store::kForeignVacuumSpares.count()),
                fmt::format("Keep them for at most {} days", store::kForeignVacuumSpares.count()));
  }
  // Delta must no longer name what is about to go.
  tell_others(house);
  Sweep sweep(house, dry_run);
  house.catalog.close_dead_loads();
  sweep.garbage(retention.versions);
  sweep.old_quarantines(retention.quarantine);
  sweep.old_checks();
  sweep.half_written();
  sweep.foreign(foreign);
  return sweep.take();
}

}  // namespace millrace::pipeline
