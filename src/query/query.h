#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "catalog/catalog.h"
#include "store/store.h"

namespace millrace::query {

/// Gets a function that tells the part that is done, 0 to 1, from any thread; and an empty one
/// before that function's life ends.
using Watch = std::function<void(std::function<double()> part)>;

/// Runs one SELECT over `events`, `metrics`, `exposures` and `entity_properties` as they stand now,
/// in a sandboxed engine that may read these tables' folders and nothing else; times are UTC. One
/// JSON object a row. Throws Misconfigured `not_one_select` or `sql_error` with the vendor's words.
/// Sees one consistent moment, also across tables: files are immutable, and the lists of files
/// that are current are taken again until none of the tables has moved meanwhile.
void run(const std::string& sql, catalog::Catalog& catalog, store::Store& store,
         const std::function<void(std::string_view row)>& each, std::stop_token stop,
         const Watch& watch = {});

}  // namespace millrace::query
