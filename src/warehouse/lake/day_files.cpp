#include "warehouse/lake/day_files.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::warehouse::lake {
namespace {

std::string_view name_in(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::string reader_of(const std::string& path) {
  std::string_view name = name_in(path);
  if (name.starts_with('_') || name.starts_with('.')) return {};
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (name.ends_with(packed)) name.remove_suffix(packed.size());
  }
  if (name.ends_with(".parquet")) return "read_parquet";
  if (name.ends_with(".csv") || name.ends_with(".tsv")) return "read_csv";
  for (const std::string_view json : {".json", ".jsonl", ".ndjson"}) {
    if (name.ends_with(json)) return "read_json";
  }
  return {};
}

DayFolders::DayFolders(Place& place, engine::Database& database, const std::string& folder)
    : place_(place), database_(database), folder_(place.resolve(folder)) {
  if (!folder_.ends_with('/')) folder_ += '/';
}

std::vector<FileState> DayFolders::files(Day day, std::stop_token stop) const {
  auto files = place_.files(database_, folder_ + day.text() + "/*", stop);
  std::erase_if(files, [](const FileState& file) { return reader_of(file.path).empty(); });
  return files;
}

std::optional<Day> DayFolders::latest(std::stop_token stop) const {
  std::optional<Day> latest;
  for (const FileState& file : place_.files(database_, folder_ + "*/*", stop)) {
    if (!file.path.starts_with(folder_) || reader_of(file.path).empty()) continue;
    const std::string rest = file.path.substr(folder_.size());
    const auto day = Day::parse(std::string_view(rest).substr(0, rest.find('/')));
    if (day && (!latest || *day > *latest)) latest = day;
  }
  return latest;
}

std::string DayFolders::select(const std::vector<FileState>& files) {
  const std::string reader = reader_of(files.front().path);
  std::string list;
  for (const FileState& file : files) {
    if (reader_of(file.path) != reader) {
      throw Error(Fault::Misconfigured, "mixed_files",
                  fmt::format("reading a day's folder: {} and {} are of different kinds",
                              files.front().path, file.path),
                  "Keep one kind of file in a folder: Parquet, CSV or JSON.");
    }
    list += (list.empty() ? "" : ", ") + engine::literal(file.path);
  }
  return fmt::format("select * from {}([{}], union_by_name = true, hive_partitioning = false)",
                     reader, list);
}

}  // namespace millrace::warehouse::lake
