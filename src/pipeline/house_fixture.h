#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "base/scratch_folder.h"
#include "catalog/fixture.h"
#include "model/json.h"
#include "pipeline/house.h"
#include "pipeline/judge.h"
#include "pipeline/tell.h"
#include "store/delta.h"

/// For tests: a home whose days are staged by hand, as a worker would stage them.
namespace millrace::pipeline::fixture {

using catalog::fixture::code_of;
using catalog::fixture::kDay;
using catalog::fixture::text_of;

struct Home {
  explicit Home(const Ingestion& wanted = catalog::fixture::flights()) {
    claim_store(catalog, store, clock);
    ingestion = catalog.put_ingestion(wanted);
  }

  std::filesystem::path root() const { return folder.path() / "store"; }
  Dataset dataset() const { return ingestion.definition.dataset; }

  catalog::Lease begin(Day day = kDay) { return catalog::fixture::begin(catalog, ingestion, day); }

  /// What a worker leaves for a load of so many rows.
  Manifest stage(const catalog::Lease& lease, std::int64_t rows) {
    const std::filesystem::path staging = store.stage(dataset(), {lease.load}).front();
    Manifest manifest = catalog::fixture::manifest_of(lease, ingestion, rows);
    for (const FileEntry& file : manifest.files) {
      std::ofstream(staging / store::staged_name(file))
          << std::string(static_cast<std::size_t>(file.bytes), 'x');
    }
    manifest.quarantine = "rejected.parquet";
    std::ofstream(staging / manifest.quarantine) << "rejected";
    store::seal(staging, manifest);
    return manifest;
  }

  /// A whole journey; the version's id.
  std::string load(std::int64_t rows, Day day = kDay) {
    const catalog::Lease lease = begin(day);
    publish_manifest(house, ingestion, lease, stage(lease, rows));
    tell_others(house);
    return lease.load;
  }

  /// A load that shrank and waits for a person.
  std::string hold(std::int64_t rows) {
    const catalog::Lease lease = begin();
    catalog.hold_load(lease, stage(lease, rows), "the day shrank");
    tell_others(house);
    return lease.load;
  }

  std::string current(Day day = kDay) { return catalog.day(ingestion.id, day)->current; }

  /// The data and quarantine files and staging folders' files that bear the id of a load.
  std::vector<std::string> files_of(const std::string& load) {
    std::vector<std::string> paths;
    for (const store::ObjectInfo& object : store.objects().list("default")) {
      if (object.path.find(load) != std::string::npos) paths.push_back(object.path);
    }
    return paths;
  }

  store::DeltaLog delta() {
    return {store.objects(), store.layout().table(dataset()),
            store.id() + "/" + std::string(name_of(dataset())), clock};
  }

  ScratchFolder folder{catalog::fixture::in_memory()};
  catalog::fixture::Clock clock;
  catalog::Catalog catalog{{.path = folder.path() / "catalog.db"}, clock};
  store::Store store{store::local_folder(folder.path() / "store"), "default", clock};
  House house{.env = clock, .catalog = catalog, .store = store};
  Ingestion ingestion;
};

}  // namespace millrace::pipeline::fixture
