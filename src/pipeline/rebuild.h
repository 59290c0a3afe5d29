#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/env.h"
#include "catalog/catalog.h"
#include "store/store.h"

namespace millrace::pipeline {

struct Rebuilt {
  std::int64_t records = 0;                 ///< In the store.
  std::int64_t added = 0;                   ///< Of these, what the catalog did not hold yet.
  std::vector<std::string> unpublished;     ///< Loads with a manifest but no record.
  std::vector<std::string> not_restorable;  ///< What a person has to bring back.
};

/// Adds to an empty or older catalog what the publish records in the store tell beyond it. The
/// catalog then owns the store. Misconfigured `other_store` when it belongs to another one.
Rebuilt rebuild_catalog(catalog::Catalog& catalog, store::Store& store, Env& env);

/// Before the catalog of this file is put aside: what it has published and not told yet goes into
/// the store's records, unless another catalog owns the store by now. Conflict `catalog_in_use`
/// while a living process loads by it. A file that is missing or damaged is no obstacle.
void settle_old_catalog(const std::filesystem::path& path, store::Store& store, Env& env);

}  // namespace millrace::pipeline
