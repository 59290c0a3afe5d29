#include <fmt/format.h>

#include "store/store.h"

namespace millrace::store {
namespace {

std::string partitions(const std::string& ingestion, Day day) {
  return fmt::format("ingestion={}/day={}", ingestion, day.text());
}

}  // namespace

std::string Layout::table(Dataset dataset) const {
  return fmt::format("{}/{}", project, name_of(dataset));
}

std::string Layout::day_folder(Dataset dataset, const std::string& ingestion, Day day) const {
  return table(dataset) + "/" + partitions(ingestion, day);
}

std::string Layout::data_file(const std::string& ingestion, Day day, const std::string& load,
                              int part) const {
  return fmt::format("{}/{}-{}.parquet", partitions(ingestion, day), load, part);
}

std::string Layout::staging(Dataset dataset, const std::string& load) const {
  return fmt::format("{}/_staged/{}/{}", project, name_of(dataset), load);
}

std::string Layout::manifest(Dataset dataset, const std::string& load) const {
  return fmt::format("{}/_manifest/{}.json", table(dataset), load);
}

std::string Layout::publish_record(Dataset dataset, std::int64_t seq) const {
  // As wide as Delta's, so that a listing is in order.
  return fmt::format("{}/_publish/{:020}.json", table(dataset), seq);
}

std::string Layout::quarantine(Dataset dataset, const std::string& ingestion, Day day,
                               const std::string& load) const {
  return fmt::format("{}/quarantine/{}/{}/{}.parquet", project, name_of(dataset),
                     partitions(ingestion, day), load);
}

std::string staged_name(const FileEntry& file) {
  return file.path.substr(file.path.rfind('/') + 1);
}

}  // namespace millrace::store
