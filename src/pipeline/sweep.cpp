#include "pipeline/sweep.h"

#include <fmt/format.h>

#include <set>

#include "pipeline/tell.h"

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

class Sweep {
 public:
  Sweep(House& house, bool dry_run) : house_(house), dry_run_(dry_run) {}

  void garbage(std::chrono::seconds retention) {
    std::set<std::string> loads;
    for (const auto& piece : house_.catalog.garbage(retention)) {
      if (piece.staging) {
        remove_all(piece.path + "/");
      } else {
        remove(piece.path);
      }
      loads.insert(piece.load);
    }
    if (!dry_run_) house_.catalog.mark_swept({loads.begin(), loads.end()});
  }

  void foreign(bool remove_them) {
    const std::string& project = house_.store.layout().project;
    for (const store::ObjectInfo& object : house_.store.objects().list(project + "/")) {
      if (object.path.find("/_delta_log/") != std::string::npos ||
          object.path.find("/_manifest/") != std::string::npos ||
          object.path.find("/_publish/") != std::string::npos) {
        continue;
      }
      const std::string load = load_in(object.path);
      if (!load.empty() && house_.catalog.registered(load)) continue;
      swept_.foreign.push_back(object.path);
      if (remove_them) remove(object.path);
    }
  }

  Swept take() { return std::move(swept_); }

 private:
  void remove_all(const std::string& prefix) {
    for (const store::ObjectInfo& object : house_.store.objects().list(prefix)) {
      remove(object.path, object.bytes);
    }
  }

  void remove(const std::string& path, std::int64_t bytes = 0) {
    if (dry_run_ ? !house_.store.objects().exists(path) : !house_.store.objects().remove(path)) {
      return;
    }
    swept_.removed.push_back(path);
    swept_.bytes += bytes;
  }

  House& house_;
  const bool dry_run_;
  Swept swept_;
};

}  // namespace

Swept sweep(House& house, bool dry_run, bool foreign, std::chrono::seconds retention) {
  // Delta must no longer name what is about to go.
  tell_others(house);
  Sweep sweep(house, dry_run);
  house.catalog.close_dead_loads();
  sweep.garbage(retention);
  sweep.foreign(foreign);
  return sweep.take();
}

Rebuilt rebuild_catalog(catalog::Catalog& catalog, store::Store& store, Env& env) {
  Rebuilt rebuilt;
  std::set<std::string> published;
  for (const Dataset dataset : kDatasets) {
    for (const auto& [seq, record] : store.publish_records(dataset)) {
      catalog.replay(dataset, seq, record);
      ++rebuilt.records;
    }
    const std::string folder = store.layout().table(dataset) + "/_manifest/";
    for (const store::ObjectInfo& object : store.objects().list(folder)) {
      const std::string load = load_in(object.path);
      if (!load.empty() && !catalog.published_seq(load)) rebuilt.unpublished.push_back(load);
    }
  }
  catalog.set_store_id(store.id());
  const auto latest = store.generation();
  if (latest) catalog.add_generation(latest->number, latest->nonce);
  rebuilt.not_restorable = {"connections and secrets (apply their TOML again)", "records of checks",
                            "loads that failed"};
  claim_store(catalog, store, env);
  return rebuilt;
}

}  // namespace millrace::pipeline
