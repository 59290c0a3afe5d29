#include <nlohmann/json.hpp>

#include "definition/plan.h"

namespace millrace::definition {

std::string_view name_of(Change::What what) {
  switch (what) {
    case Change::What::Add:
      return "add";
    case Change::What::Update:
      return "change";
    case Change::What::Remove:
      return "remove";
    case Change::What::Revive:
      return "revive";
    case Change::What::Keep:
      return "keep";
  }
  return "";
}

json::Value change_json(const Change& change) {
  json::Value value{{"what", name_of(change.what)},
                    {"kind", change.kind},
                    {"name", change.name},
                    {"details", change.details},
                    {"stale_days", change.stale_days}};
  if (!change.follow_up_cost.empty()) value["follow_up_cost"] = change.follow_up_cost;
  return value;
}

}  // namespace millrace::definition
