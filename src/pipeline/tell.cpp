#include "pipeline/tell.h"

#include <map>

#include <fmt/format.h>

#include "base/log.h"
#include "store/delta.h"

namespace millrace::pipeline {
namespace {

/// One table's telling.
class Telling {
 public:
  Telling(House& house, Dataset dataset)
      : house_(house),
        dataset_(dataset),
        log_(house.store.objects(), house.store.layout().table(dataset),
             house.store.id() + "/" + std::string(name_of(dataset)), house.env) {}

  /// Nothing that others wrote, and no log that somebody took away.
  bool is_untouched() {
    if (const auto ours = log_.newest_is_ours()) return *ours;
    return house_.catalog.current_files(dataset_).second.empty();
  }

  /// Returns the sequence that the log has reached.
  std::int64_t reconcile(std::vector<std::string>& news) {
    const auto [sequence, files] = house_.catalog.current_files(dataset_);
    const auto outcome = log_.reconcile(
        files, store::table_columns(dataset_, house_.catalog.unit_types_ever()), sequence);
    for (const std::string& commit : outcome.foreign) {
      log::warning("found a Delta commit that is not ours and reconciled the table",
                   {{"table", std::string(name_of(dataset_))}, {"commit", commit}});
      news.push_back(fmt::format("{}: {}", name_of(dataset_), commit));
    }
    if (!outcome.foreign.empty()) look_for_lost_files(files, news);
    return sequence;
  }

 private:
  /// A VACUUM that was told to ignore the retention takes whatever the log did not name just then.
  void look_for_lost_files(const std::vector<FileEntry>& files, std::vector<std::string>& news) {
    const std::string table = house_.store.layout().table(dataset_) + "/";
    for (const FileEntry& file : files) {
      if (house_.store.objects().exists(table + file.path)) continue;
      log::error("a current file is gone; load its day again",
                 {{"table", std::string(name_of(dataset_))}, {"file", file.path}});
      news.push_back(fmt::format("{}: the current file {} is gone; load its day again",
                                 name_of(dataset_), file.path));
    }
  }

  House& house_;
  Dataset dataset_;
  store::DeltaLog log_;
};

}  // namespace

void put_publish_records(House& house) {
  const std::vector<catalog::Intent> owed = house.catalog.intents("publish_record");
  if (owed.empty()) return;
  require_claim(house);
  std::map<Dataset, std::vector<std::pair<std::int64_t, std::string>>> records;
  for (const catalog::Intent& intent : owed) {
    records[intent.dataset].emplace_back(intent.seq, intent.record);
  }
  for (const auto& [dataset, of_table] : records) house.store.put_publish(dataset, of_table);
  house.catalog.confirm(owed);
}

std::vector<std::string> tell_others(House& house) {
  put_publish_records(house);

  std::map<Dataset, std::vector<catalog::Intent>> owed;
  for (catalog::Intent& intent : house.catalog.intents("delta")) {
    owed[intent.dataset].push_back(std::move(intent));
  }
  require_claim(house);
  std::vector<std::string> news;
  for (const Dataset dataset : kDatasets) {
    Telling telling(house, dataset);
    if (!owed.contains(dataset) && telling.is_untouched()) continue;
    const std::int64_t sequence = telling.reconcile(news);
    std::vector<catalog::Intent>& told = owed[dataset];
    std::erase_if(told, [&](const catalog::Intent& intent) { return intent.seq > sequence; });
    house.catalog.confirm(told);
  }
  return news;
}

void try_to_tell_others(House& house) {
  try {
    tell_others(house);
  } catch (const Error& error) {
    log::warning("could not tell others yet", {{"error", error.what()}, {"advice", error.advice}});
  }
}

}  // namespace millrace::pipeline
