#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "definition/files.h"
#include "model/json.h"

namespace millrace::definition {

enum class Rebuild { None, Window, All };

struct Change {
  enum class What { Add, Update, Remove, Revive, Keep };
  What what = What::Keep;
  std::string kind;  ///< "connection" | "ingestion"
  std::string name;
  std::vector<std::string> details;  ///< "mapping.timestamp: \"ts\" -> \"at\"", a line each.
  bool changes_definition = false;
  /// Loaded days that carry another definition, be it changed now or before: nothing loads them
  /// again by itself.
  std::size_t stale_days = 0;
  std::string follow_up_cost;  ///< A sentence, where that is new; else empty.
};

std::string_view name_of(Change::What what);  ///< "add", "change", "remove", "revive", "keep"
/// For the API as for `--json`.
json::Value change_json(const Change& change);

struct Plan {
  std::vector<Change> changes;
  bool empty() const;
};

/// What would have to change for the catalog to be what the files say; touches nothing. Only what
/// files of this set made is ever changed, and removed only with `prune`: something else that would
/// have to change is a Conflict `managed_elsewhere` that names its owner. What is equal already is
/// kept, whoever made it. A file owns what it defines; a folder, what any file in it defined. A
/// file outside the home gives no connection that is new, or leads elsewhere, a secret that is kept
/// already: Conflict `secret_kept`.
Plan plan(const FileSet& files, catalog::Catalog& catalog, bool prune);
/// Does it, in one transaction; returns what it did.
Plan apply(const FileSet& files, catalog::Catalog& catalog, bool prune);
/// Connections and ingestions as TOML; applied again it is an empty plan. Empty name: everything;
/// an ingestion's name: it and its connection; a connection's name: that one.
std::string export_toml(catalog::Catalog& catalog, const std::string& name);

}  // namespace millrace::definition
