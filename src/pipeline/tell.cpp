#include "pipeline/tell.h"

#include <map>

#include <fmt/format.h>

#include "base/log.h"
#include "store/delta.h"

namespace millrace::pipeline {

void put_publish_records(House& house) {
  for (const catalog::Intent& intent : house.catalog.intents()) {
    if (intent.what != "publish_record") continue;
    house.store.put_publish(intent.dataset, intent.seq, intent.record);
    house.catalog.confirm(intent.id);
  }
}

std::vector<std::string> tell_others(House& house) {
  put_publish_records(house);

  std::map<Dataset, std::vector<catalog::Intent>> owed;
  for (const catalog::Intent& intent : house.catalog.intents()) {
    if (intent.what == "delta") owed[intent.dataset].push_back(intent);
  }
  std::vector<std::string> foreign;
  for (const auto& [dataset, intents] : owed) {
    const auto [sequence, files] = house.catalog.current_files(dataset);
    store::DeltaLog log(house.store.objects(), house.store.layout().table(dataset),
                        house.store.id() + "/" + std::string(name_of(dataset)), house.env);
    const auto outcome = log.reconcile(
        files, store::table_columns(dataset, house.catalog.unit_types_ever()), sequence);
    for (const std::string& commit : outcome.foreign) {
      log::warning("found a Delta commit that is not ours and reconciled the table",
                   {{"table", std::string(name_of(dataset))}, {"commit", commit}});
      foreign.push_back(fmt::format("{}: {}", name_of(dataset), commit));
    }
    for (const catalog::Intent& intent : intents) {
      if (intent.seq <= sequence) house.catalog.confirm(intent.id);
    }
  }
  return foreign;
}

}  // namespace millrace::pipeline
