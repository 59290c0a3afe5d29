#include "query/query.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/scratch_folder.h"
#include "engine/database.h"
#include "query/views.h"

namespace millrace::query {
namespace {

constexpr std::int64_t kMemoryBytes = 1LL << 30;
constexpr int kLooksMax = 20;

struct Current {
  Dataset dataset = Dataset::Events;
  std::int64_t sequence = 0;
  std::vector<FileEntry> files;
};

/// The files of several tables at one moment: publishing moves a table's sequence, so lists whose
/// sequences still hold after the last one was read were all true together.
std::vector<Current> current_files(catalog::Catalog& catalog,
                                   const std::vector<Dataset>& datasets) {
  for (int look = 0; look < kLooksMax; ++look) {
    std::vector<Current> tables;
    for (const Dataset dataset : datasets) {
      auto [sequence, files] = catalog.current_files(dataset);
      tables.push_back({dataset, sequence, std::move(files)});
    }
    const bool unmoved = std::ranges::all_of(tables, [&](const Current& table) {
      return catalog.highest_publish(table.dataset) == table.sequence;
    });
    if (unmoved || datasets.size() == 1) return tables;
  }
  throw Error(Fault::Conflict, "catalog_busy",
              fmt::format("taking one view of {} tables failed: days were published all the time",
                          datasets.size()),
              "Try again, or ask about one table at a time");
}

/// What people call each ingestion of a dataset: its handle, or all of its name where two kinds
/// use the same handle.
std::map<std::string, std::string> ingestion_names(const std::vector<Ingestion>& ingestions,
                                                   Dataset dataset) {
  std::map<std::string, int> uses;
  for (const Ingestion& ingestion : ingestions) {
    if (ingestion.definition.dataset == dataset) ++uses[ingestion.handle];
  }
  std::map<std::string, std::string> names;
  for (const Ingestion& ingestion : ingestions) {
    if (ingestion.definition.dataset != dataset) continue;
    names[ingestion.id] =
        uses[ingestion.handle] == 1
            ? ingestion.handle
            : fmt::format("{}/{}/{}", ingestion.kind, name_of(dataset), ingestion.name);
  }
  return names;
}

class Watched {
 public:
  Watched(const Watch& watch, const engine::Database& database) : watch_(watch) {
    if (watch_) watch_([&database] { return database.progress(); });
  }
  ~Watched() {
    if (watch_) watch_({});
  }

 private:
  const Watch& watch_;
};

/// The engine does not know what may be asked here.
Error explained(const Error& error) {
  const std::string text = error.what();
  const bool unknown = error.code == "sql_error" && text.find("Table with name") != text.npos;
  if (!unknown && error.code != "not_allowed") return error;
  // The engine proposes tables of its own.
  Error known = error.reworded([](std::string words) {
    const auto line = words.find("\nDid you mean");
    if (line != words.npos) words.erase(line, words.find('\n', line + 1) - line);
    return words;
  });
  if (unknown) known.code = "unknown_table";
  known.advice =
      "The tables are events, metrics, exposures and entity_properties; files are not read";
  return known;
}

}  // namespace

void run(const std::string& sql, catalog::Catalog& catalog, store::Store& store,
         const std::function<void(std::string_view row)>& each, std::stop_token stop,
         const Watch& watch) {
  const std::string select = engine::single_select(sql);
  std::vector<Dataset> named;
  std::ranges::copy_if(kDatasets, std::back_inserter(named),
                       [&](Dataset dataset) { return mentions(select, dataset); });

  const ScratchFolder spill;
  engine::Options options;
  options.memory_bytes = kMemoryBytes;
  options.spill = spill.path();
  options.setup = {"SET TimeZone = 'UTC'"};
  for (const Dataset dataset : named) {
    options.allowed.push_back(store.objects().address(store.layout().table(dataset)));
  }
  engine::Database database = engine::Database::open(options);

  const auto unit_types = catalog.unit_types_ever();
  const auto ingestions = catalog.ingestions(true);
  for (Current& current : current_files(catalog, named)) {
    const std::string folder = store.layout().table(current.dataset) + "/";
    database.execute(view_sql({.dataset = current.dataset,
                               .columns = store::table_columns(current.dataset, unit_types),
                               .files = std::move(current.files),
                               .ingestions = ingestion_names(ingestions, current.dataset),
                               .address =
                                   [&](const std::string& path) {
                                     return store.objects().address(folder + path);
                                   }}),
                     stop);
  }
  const Watched watched(watch, database);
  try {
    database.each_json(select, each, stop);
  } catch (const Error& error) {
    throw explained(error);
  }
}

}  // namespace millrace::query
