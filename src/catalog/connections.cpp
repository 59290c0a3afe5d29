#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "catalog/session.h"
#include "model/json.h"

namespace millrace::catalog {
namespace {

json::Value connection_json(const Connection& connection) {
  json::Value value{{"kind", connection.kind}, {"managed_by", connection.managed_by}};
  for (const auto& [name, setting] : connection.settings) value[name] = setting;
  return value;
}

}  // namespace

std::vector<Connection> Catalog::connections() {
  std::vector<Connection> connections;
  session_->db.query(R"(SELECT name, kind, settings, managed_by FROM connection
                        WHERE project_id = :project ORDER BY name)",
                     {session_->project}, [&](const Row& row) {
                       Connection& connection = connections.emplace_back();
                       std::string settings;
                       row.into(connection.name, connection.kind, settings, connection.managed_by);
                       connection.settings = json::parse(settings, "settings in the catalog")
                                                 .get<std::map<std::string, std::string>>();
                     });
  return connections;
}

std::optional<Connection> Catalog::connection(const std::string& name) {
  for (Connection& connection : connections()) {
    if (connection.name == name) return std::move(connection);
  }
  return {};
}

void Catalog::put_connection(const Connection& connection) {
  Transaction transaction(session_->db);
  const auto known = this->connection(connection.name);
  const std::string changes = differences(known ? connection_json(*known) : json::Value::object(),
                                          connection_json(connection));
  if (changes != "{}") {
    write_audit(*session_, "integration_upsert", connection.name,
                fmt::format("connection {} ({}){}", connection.name, connection.kind,
                            known ? ": " + names_in(changes) : " is new"),
                changes);
  }
  session_->db.run(R"(INSERT INTO connection (project_id, name, kind, settings, managed_by)
                      VALUES (:project, :name, :kind, :settings, :managed_by)
                      ON CONFLICT (project_id, name) DO UPDATE SET
                        kind = excluded.kind, settings = excluded.settings,
                        managed_by = excluded.managed_by)",
                   {session_->project, connection.name, connection.kind,
                    json::Value(connection.settings).dump(), connection.managed_by});
  transaction.commit();
}

void Catalog::remove_connection(const std::string& name) {
  Transaction transaction(session_->db);
  std::string users;
  for (const Ingestion& ingestion : ingestions()) {
    if (ingestion.connection == name) users += (users.empty() ? "" : ", ") + ingestion.handle;
  }
  if (!users.empty()) {
    throw Error(Fault::Conflict, "connection_in_use",
                fmt::format("connection {} is used by {}", name, users),
                "Remove these ingestions first, or let them use another connection");
  }
  session_->db.run("DELETE FROM connection WHERE project_id = :project AND name = :name",
                   {session_->project, name});
  write_audit(*session_, "integration_delete", name, "connection " + name + " is removed", "{}");
  transaction.commit();
}

}  // namespace millrace::catalog
