#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "model/day.h"

namespace millrace::catalog {

/// Who changes something.
struct Actor {
  std::string kind = "program";  ///< "key" | "user" | "shell" | "program"
  std::string id;                ///< Of the key or user; empty else.
  std::string name;              ///< A key's description, a user's address, a login name.
};

/// One change, or one call that was refused. Nothing removes these.
struct AuditEntry {
  std::int64_t id = 0;
  Instant at;
  std::string action;   ///< "ingestion_source_update", "call_refused" …
  std::string name;     ///< Of what was changed.
  std::string about;    ///< A sentence.
  std::string changes;  ///< JSON: {"member": {"before", "after"}}; never a secret.
  Actor actor;
};

/// Which entries. `order` is a column: id, name, about, action, actor_name or actor_id.
struct AuditFilter {
  std::optional<std::int64_t> id;
  std::optional<std::int64_t> latest;  ///< Nothing newer than this id.
  std::vector<std::string> actions;    ///< Empty: all.
  std::optional<Interval> at;
  std::string order = "id";
  bool ascending = false;
  std::int64_t limit = 100, skip = 0;
};

}  // namespace millrace::catalog
