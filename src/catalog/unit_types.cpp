#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/letters.h"
#include "catalog/session.h"
#include "model/json.h"

namespace millrace::catalog {
namespace {

void set_by_api(Session& session, const std::string& name, bool by_api, const std::string& about) {
  session.db.run(R"(UPDATE unit_type SET by_api = :by_api, about = :about
                    WHERE project_id = :project AND name = :name)",
                 {by_api ? 1 : 0, about, session.project, name});
}

void set_names(Session& session, const std::vector<std::string>& names) {
  session.db.run("UPDATE project SET unit_types = :names WHERE project_id = :project",
                 {json::Value(names).dump(), session.project});
}

/// Where a mapping says so, this unit type is one of its ids.
bool maps(const Mapping& mapping, const std::string& name) {
  const auto has = [&](const Named& named) {
    return std::ranges::any_of(named, [&](const auto& one) { return one.first == name; });
  };
  return has(mapping.ids) || has(mapping.units) ||
         (mapping.id_type.literal && mapping.id_type.text == name);
}

}  // namespace

void remember_unit_type(Session& session, const std::string& name) {
  std::string known;
  if (session.db.one("SELECT name FROM unit_type WHERE project_id = :project AND folded = :folded",
                     {session.project, lower_case(name)}, known)) {
    if (known == name) return;
    throw Error(Fault::Misconfigured, "unit_type_taken",
                fmt::format("the unit type {} differs only by case from {}, which is or was in use",
                            name, known),
                fmt::format("Spell it {}, or choose another name: columns are named after it for "
                            "ever",
                            known));
  }
  session.db.run(R"(INSERT INTO unit_type (project_id, folded, name, first_used_at, position)
                    VALUES (:project, :folded, :name, :now, (SELECT COUNT(*) FROM unit_type)))",
                 {session.project, lower_case(name), name, session.env.now()});
}

std::vector<std::string> Catalog::unit_types_ever() {
  std::vector<std::string> names;
  session_->db.query(R"(SELECT name FROM unit_type WHERE project_id = :project
                        ORDER BY position)",
                     {session_->project}, [&](const Row& row) { row.into(names.emplace_back()); });
  return names;
}

std::vector<UnitType> Catalog::unit_types() {
  std::vector<UnitType> types;
  for (const std::string& name : project().unit_types) {
    UnitType& type = types.emplace_back(UnitType{.name = name, .about = {}});
    bool by_api = false;
    session_->db.one(
        "SELECT about, by_api FROM unit_type WHERE project_id = :project AND name = :name",
        {session_->project, name}, type.about, by_api);
    type.file = !by_api;
  }
  return types;
}

void Catalog::add_unit_type(const std::string& name, const std::string& about) {
  Session& session = *session_;
  Transaction transaction(session.db);
  std::vector<std::string> names = project().unit_types;
  if (std::ranges::find(names, name) != names.end()) {
    throw Error(Fault::Conflict, "name_taken",
                fmt::format("the project has the unit type {} already", name));
  }
  remember_unit_type(session, name);
  set_by_api(session, name, true, about);
  names.push_back(name);
  set_names(session, names);
  write_audit(session, "company_ID_type_add", name, "unit type " + name + " is new", "{}");
  transaction.commit();
}

void Catalog::describe_unit_type(const std::string& name, const std::string& about) {
  Session& session = *session_;
  Transaction transaction(session.db);
  std::string before;
  session.db.one("SELECT about FROM unit_type WHERE project_id = :project AND name = :name",
                 {session.project, name}, before);
  session.db.run("UPDATE unit_type SET about = :about WHERE project_id = :project AND name = :name",
                 {about, session.project, name});
  write_audit(session, "company_ID_type_edit", name, "unit type " + name + ": description",
              differences({{"description", before}}, {{"description", about}}));
  transaction.commit();
}

void Catalog::retire_unit_type(const std::string& name) {
  Session& session = *session_;
  Transaction transaction(session.db);
  for (const Ingestion& ingestion : ingestions()) {
    if (!maps(ingestion.definition.mapping, name)) continue;
    throw Error(Fault::Conflict, "unit_type_in_use",
                fmt::format("the unit type {} is mapped by {}", name, ingestion.handle),
                "Change that mapping first");
  }
  std::vector<std::string> names = project().unit_types;
  std::erase(names, name);
  set_names(session, names);
  set_by_api(session, name, false, "");
  write_audit(session, "company_ID_type_delete", name, "unit type " + name + " is retired", "{}");
  transaction.commit();
}

}  // namespace millrace::catalog
