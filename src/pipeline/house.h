#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/env.h"
#include "catalog/catalog.h"
#include "model/work.h"
#include "store/store.h"

namespace millrace::pipeline {

/// What every operation on days needs. Made by `app`; one per thread, as its catalog is.
struct House {
  Env& env;
  catalog::Catalog& catalog;
  store::Store& store;
  Project project;
  std::vector<std::string> file_roots;  ///< What the `files` kind may read.
  /// Settings of a connection with its secrets resolved.
  std::function<std::map<std::string, std::string>(const Connection&)> resolve;
  std::int64_t memory_bytes = 0;  ///< Of a load's engine; 0: its default.
  int threads = 0;
  std::chrono::seconds time_most{0};  ///< In which a warehouse must end a day; 0: for ever.
};

/// Loads at the same time take together what one takes alone, as far as rows allow: this house's
/// take the part of one among so many.
void share(House& house, int among);

/// How many reads of one connection of this kind may run at once; of an unknown kind one.
int reads_at_once(const std::string& kind);

/// The order that every verb on an ingestion starts from.
WorkOrder order_for(House& house, const Ingestion& ingestion, Verb verb);

/// Proves that this catalog is the one that wrote last to this store, and marks the store with a
/// new generation. A copied or restored catalog, or a second home on the same root, is a Conflict
/// `not_the_latest_catalog` that says what to do. Call before the first write of a process.
void claim_store(catalog::Catalog& catalog, store::Store& store, Env& env);

/// Proves that no other catalog has claimed the store since; cheap enough before every publish.
void require_claim(House& house);

}  // namespace millrace::pipeline
