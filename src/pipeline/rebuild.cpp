#include "pipeline/rebuild.h"

#include <fmt/format.h>

#include <set>

#include "pipeline/tell.h"

namespace millrace::pipeline {
namespace {

/// Loads that had begun to settle and that no record tells of.
std::vector<std::string> unpublished(catalog::Catalog& catalog, store::Store& store,
                                     Dataset dataset) {
  std::vector<std::string> loads;
  for (const std::string& name :
       store.objects().names(store.layout().table(dataset) + "/_manifest")) {
    const std::string load = name.substr(0, name.rfind('.'));
    if (!catalog.registered(load)) loads.push_back(load);
  }
  return loads;
}

std::vector<std::string> not_restorable(catalog::Catalog& catalog) {
  std::set<std::string> connections;
  for (const Ingestion& ingestion : catalog.ingestions()) {
    connections.insert(fmt::format("connection {} ({}) and its secrets: apply its TOML again",
                                   ingestion.connection, ingestion.kind));
  }
  std::vector<std::string> lost(connections.begin(), connections.end());
  lost.emplace_back("loads that failed or were rejected since their day was last published");
  lost.emplace_back("what checks found, and tokens that they confirmed");
  return lost;
}

}  // namespace

Rebuilt rebuild_catalog(catalog::Catalog& catalog, store::Store& store, Env& env) {
  Rebuilt rebuilt;
  if (const std::string id = catalog.store_id(); !id.empty() && id != store.id()) {
    throw Error(Fault::Misconfigured, "other_store",
                fmt::format("that catalog belongs to the store {}, not to {}", id, store.id()),
                "Take a backup of this home, or name the right one with --home");
  }
  for (const Dataset dataset : kDatasets) {
    const std::int64_t held = catalog.highest_publish(dataset);
    for (const auto& [seq, record] : store.publish_records(dataset)) {
      catalog.replay(dataset, seq, record);
      ++rebuilt.records;
      if (seq > held) ++rebuilt.added;
    }
    for (std::string& load : unpublished(catalog, store, dataset)) {
      rebuilt.unpublished.push_back(std::move(load));
    }
  }
  catalog.set_store_id(store.id());
  const auto latest = store.generation();
  if (latest) catalog.add_generation(latest->number, latest->nonce);
  rebuilt.not_restorable = not_restorable(catalog);
  claim_store(catalog, store, env);
  return rebuilt;
}

void settle_old_catalog(const std::filesystem::path& path, store::Store& store, Env& env) {
  if (!std::filesystem::exists(path)) return;
  try {
    catalog::Catalog old({.path = path}, env);
    old.close_dead_loads();
    for (const catalog::LoadRow& load : old.open_loads()) {
      throw Error(Fault::Conflict, "catalog_in_use",
                  fmt::format("the catalog {} cannot be put aside: process {} on {} loads {} by it",
                              path.string(), load.holder.pid, load.holder.host, load.day.text()),
                  "Wait until it is done, or end that process");
    }
    House house{.env = env, .catalog = old, .store = store};
    put_publish_records(house);
  } catch (const Error& error) {
    if (error.code != "catalog_damaged" && error.code != "not_the_latest_catalog") throw;
  }
}

}  // namespace millrace::pipeline
