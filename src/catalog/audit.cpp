#include "catalog/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "catalog/session.h"
#include "model/json.h"

namespace millrace::catalog {

void write_audit(Session& session, const std::string& action, const std::string& name,
                 const std::string& about, const std::string& changes) {
  session.db.run(
      R"(INSERT INTO audit (project_id, at, action, name, about, changes, actor_kind, actor_id,
                            actor_name)
         VALUES (:project, :at, :action, :name, :about, :changes, :actor_kind, :actor_id,
                 :actor_name))",
      {session.project, session.env.now(), action, name, about, changes, session.actor.kind,
       session.actor.id, session.actor.name});
}

std::string differences(const json::Value& before, const json::Value& after) {
  json::Value changes = json::Value::object();
  for (const auto& [name, value] : after.items()) {
    const auto old = before.find(name);
    if (old == before.end() ? value.is_null() : *old == value) continue;
    changes[name] = {{"before", old == before.end() ? json::Value() : *old}, {"after", value}};
  }
  for (const auto& [name, value] : before.items()) {
    if (!after.contains(name)) changes[name] = {{"before", value}, {"after", nullptr}};
  }
  return changes.dump();
}

std::string names_in(const std::string& changes) {
  std::string names;
  const json::Value read = json::parse(changes, "changes");
  for (const auto& [name, change] : read.items()) names += (names.empty() ? "" : ", ") + name;
  return names;
}

void Catalog::act_as(const Actor& actor) { session_->actor = actor; }

void Catalog::note(const std::string& action, const std::string& name, const std::string& about) {
  Transaction transaction(session_->db);
  write_audit(*session_, action, name, about, "{}");
  transaction.commit();
}

std::vector<AuditEntry> Catalog::audit(const AuditFilter& filter) {
  static constexpr std::string_view kOrders[] = {"id",     "name",       "about",
                                                 "action", "actor_name", "actor_id"};
  check(std::ranges::find(kOrders, filter.order) != std::end(kOrders),
        "entries are ordered by a column");
  const std::string sql = fmt::format(
      R"(SELECT id, at, action, name, about, changes, actor_kind, actor_id, actor_name FROM audit
         WHERE project_id = :project AND id BETWEEN :first AND :last AND at >= :start AND at < :end
           AND (:any OR action IN (SELECT value FROM json_each(:actions)))
         ORDER BY {0} {1}, id {1} LIMIT :limit OFFSET :skip)",
      filter.order, filter.ascending ? "ASC" : "DESC");
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  const std::int64_t latest = filter.latest.value_or(kLast);
  const std::int64_t last = filter.id ? std::min(*filter.id, latest) : latest;
  const Interval at = filter.at.value_or(Interval{Instant::min(), Instant::max()});
  std::vector<AuditEntry> entries;
  session_->db.query(sql,
                     {session_->project, filter.id.value_or(0), last, at.start, at.end,
                      filter.actions.empty() ? 1 : 0, json::Value(filter.actions).dump(),
                      filter.limit, filter.skip},
                     [&](const Row& row) {
                       AuditEntry& entry = entries.emplace_back();
                       row.into(entry.id, entry.at, entry.action, entry.name, entry.about,
                                entry.changes, entry.actor.kind, entry.actor.id, entry.actor.name);
                     });
  return entries;
}

}  // namespace millrace::catalog
