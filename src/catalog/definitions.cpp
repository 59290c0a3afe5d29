#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "catalog/record.h"
#include "catalog/session.h"
#include "model/json.h"

namespace millrace::catalog {
namespace {

constexpr const char* kIngestionColumns =
    R"(SELECT i.id, i.handle, i.name, i.connection, i.kind, i.limits, i.upkeep, i.audience,
              i.managed_by, i.archived, d.body
       FROM ingestion i
       JOIN definition d ON d.project_id = i.project_id AND d.revision = i.revision )";

StoredIngestion stored_in(const Row& row) {
  StoredIngestion stored;
  row.into(stored.id, stored.handle, stored.name, stored.connection, stored.kind, stored.limits,
           stored.upkeep, stored.audience, stored.managed_by, stored.archived, stored.definition);
  return stored;
}

Ingestion parsed(const StoredIngestion& stored) {
  Ingestion ingestion;
  ingestion.id = stored.id;
  ingestion.handle = stored.handle;
  ingestion.name = stored.name;
  ingestion.connection = stored.connection;
  ingestion.kind = stored.kind;
  ingestion.limits = json::limits(json::parse(stored.limits, "limits in the catalog"));
  ingestion.upkeep = json::upkeep(json::parse(stored.upkeep, "upkeep in the catalog"));
  ingestion.audience = json::audience(json::parse(stored.audience, "audience in the catalog"));
  ingestion.definition =
      json::definition(json::parse(stored.definition, "definition in the catalog"));
  ingestion.managed_by = stored.managed_by;
  ingestion.archived = stored.archived;
  return ingestion;
}

Ingestion ingestion_in(const Row& row) { return parsed(stored_in(row)); }

std::string full_name(const Ingestion& ingestion) {
  return fmt::format("{}/{}/{}", ingestion.kind, name_of(ingestion.definition.dataset),
                     ingestion.name);
}

/// How people call an ingestion. Finding one among thousands reads no definition.
struct Called {
  std::string id, handle, name, full_name;
  bool archived = false;
};

std::vector<Called> all_called(Session& session) {
  std::vector<Called> called;
  session.db.query(R"(SELECT id, handle, name, kind || '/' || dataset || '/' || name, archived
                      FROM ingestion WHERE project_id = :project ORDER BY kind, dataset, name)",
                   {session.project}, [&](const Row& row) {
                     Called& one = called.emplace_back();
                     row.into(one.id, one.handle, one.name, one.full_name, one.archived);
                   });
  return called;
}

[[noreturn]] void refuse_unknown(const std::string& name, const std::vector<Called>& called) {
  std::vector<std::string> handles;
  for (const Called& one : called) {
    if (!one.archived) handles.push_back(one.handle);
  }
  throw Error(Fault::Misconfigured, "unknown_ingestion",
              fmt::format("there is no ingestion {}{}", name, did_you_mean(nearest(name, handles))),
              handles.empty() ? "Add one with `millrace apply`" : "See `millrace ingestion list`");
}

/// The id of the only one that is called so; empty when none is.
template <typename Matches>
std::string only_one(const std::string& name, const std::vector<Called>& called, Matches matches) {
  std::string id, names;
  std::size_t found = 0;
  for (const Called& one : called) {
    if (!matches(one)) continue;
    ++found;
    id = one.id;
    names += (names.empty() ? "" : ", ") + one.full_name;
  }
  if (found <= 1) return id;
  throw Error(Fault::Misconfigured, "ambiguous_ingestion",
              fmt::format("{} may be any of {}", name, names), "Give one of these names");
}

/// Handles before names, the living before the archived.
std::string id_called(const std::string& name, const std::vector<Called>& called) {
  for (const bool archived : {false, true}) {
    for (const auto& part : {&Called::handle, &Called::name, &Called::full_name}) {
      const std::string id = only_one(name, called, [&](const Called& one) {
        return one.archived == archived && one.*part == name;
      });
      if (!id.empty()) return id;
    }
  }
  refuse_unknown(name, called);
}

std::optional<Ingestion> of_same_name(Session& session, const Ingestion& ingestion) {
  std::optional<Ingestion> found;
  session.db.query(
      std::string(kIngestionColumns) +
          R"(WHERE i.project_id = :project AND i.kind = :kind
                            AND i.dataset = :dataset AND i.name = :name)",
      {session.project, ingestion.kind, name_of(ingestion.definition.dataset), ingestion.name},
      [&](const Row& row) { found = ingestion_in(row); });
  return found;
}

/// What is stored under the ingestion's id now, once it has one; decides whether it is a new one.
std::optional<Ingestion> settle_identity(Session& session, Ingestion& ingestion) {
  auto same_name = of_same_name(session, ingestion);
  if (ingestion.id.empty()) {
    if (same_name && !same_name->archived) {
      throw Error(Fault::Conflict, "name_taken",
                  fmt::format("{} exists already: {} of {}", full_name(ingestion),
                              same_name->handle, same_name->managed_by),
                  "Give this one another `name`, or change the one that exists");
    }
    ingestion.id = same_name ? same_name->id : new_id(session.env);
    return same_name;
  }
  auto known = find_ingestion(session, ingestion.id);
  if (!known) {
    throw Error(Fault::Misconfigured, "unknown_ingestion",
                fmt::format("there is no ingestion with the id {}", ingestion.id));
  }
  if (same_name && same_name->id != ingestion.id) {
    throw Error(Fault::Conflict, "name_taken",
                fmt::format("{} exists already: {}{}", full_name(ingestion), same_name->handle,
                            same_name->archived ? ", removed but with its days kept" : ""),
                same_name->archived
                    ? fmt::format("Remove it with `millrace ingestion remove {} --with-data` first",
                                  full_name(ingestion))
                    : "Give one of them another `name`");
  }
  if (known->definition.dataset != ingestion.definition.dataset) {
    throw Error(
        Fault::Misconfigured, "dataset_fixed",
        fmt::format("{} delivers {}; it cannot become {}", known->handle,
                    name_of(known->definition.dataset), name_of(ingestion.definition.dataset)),
        "Remove it, and add another ingestion for the other dataset");
  }
  return known;
}

/// What people change about an ingestion, member by member.
json::Value ingestion_json(const Ingestion& ingestion) {
  json::Value value{{"name", ingestion.name},
                    {"handle", ingestion.handle},
                    {"connection", ingestion.connection},
                    {"managed_by", ingestion.managed_by}};
  for (const json::Value& part : {json::from(ingestion.definition), json::from(ingestion.limits),
                                  json::from(ingestion.upkeep)}) {
    for (const auto& [name, member] : part.items()) value[name] = member;
  }
  return value;
}

void note_ingestion(Session& session, const std::optional<Ingestion>& known,
                    const Ingestion& ingestion) {
  const bool is_new = !known || known->archived;
  const std::string changes = differences(is_new ? json::Value::object() : ingestion_json(*known),
                                          ingestion_json(ingestion));
  write_audit(
      session, is_new ? "ingestion_source_create" : "ingestion_source_update", ingestion.name,
      fmt::format("{}{}", full_name(ingestion), is_new ? " is new" : ": " + names_in(changes)),
      changes);
}

void note_project(Session& session, const Project& project) {
  std::string zone, unit_types;
  session.db.one("SELECT zone, unit_types FROM project", {}, zone, unit_types);
  const json::Value before{
      {"zone", zone},
      {"unit_types",
       unit_types.empty() ? json::Value::array() : json::parse(unit_types, "unit types")}};
  const std::string changes =
      differences(before, {{"zone", project.zone.name()}, {"unit_types", project.unit_types}});
  if (changes != "{}") {
    write_audit(session, "project_update", project.id, names_in(changes), changes);
  }
}

bool same(const Ingestion& a, const Ingestion& b) {
  return a.id == b.id && a.handle == b.handle && a.name == b.name && a.connection == b.connection &&
         a.kind == b.kind && a.definition == b.definition && a.limits == b.limits &&
         a.upkeep == b.upkeep && a.audience == b.audience && a.managed_by == b.managed_by &&
         a.archived == b.archived;
}

}  // namespace

std::optional<Ingestion> find_ingestion(Session& session, const std::string& id) {
  std::optional<Ingestion> found;
  session.db.query(std::string(kIngestionColumns) + "WHERE i.project_id = :project AND i.id = :id",
                   {session.project, id}, [&](const Row& row) { found = ingestion_in(row); });
  return found;
}

std::string handle_of(Session& session, const std::string& ingestion) {
  std::string handle = ingestion;
  session.db.one("SELECT handle FROM ingestion WHERE project_id = :project AND id = :id",
                 {session.project, ingestion}, handle);
  return handle;
}

void store_definition(Session& session, const Definition& definition) {
  session.db.run(R"(INSERT INTO definition (project_id, revision, body)
                    VALUES (:project, :revision, :body) ON CONFLICT DO NOTHING)",
                 {session.project, revision_of(definition), json::from(definition).dump()});
}

void store_ingestion(Session& session, const Ingestion& ingestion) {
  store_definition(session, ingestion.definition);
  session.db.run(
      R"(INSERT INTO ingestion (project_id, id, handle, name, connection, kind, dataset, revision,
                                limits, upkeep, audience, enabled, managed_by, archived)
         VALUES (:project, :id, :handle, :name, :connection, :kind, :dataset, :revision,
                 :limits, :upkeep, :audience, :enabled, :managed_by, :archived)
         ON CONFLICT (project_id, id) DO UPDATE SET
           handle = excluded.handle, name = excluded.name, connection = excluded.connection,
           kind = excluded.kind, revision = excluded.revision, limits = excluded.limits,
           upkeep = excluded.upkeep, audience = excluded.audience,
           enabled = excluded.enabled,
           managed_by = excluded.managed_by, archived = excluded.archived)",
      {session.project, ingestion.id, ingestion.handle, ingestion.name, ingestion.connection,
       ingestion.kind, name_of(ingestion.definition.dataset), revision_of(ingestion.definition),
       json::from(ingestion.limits).dump(), json::from(ingestion.upkeep).dump(),
       json::from(ingestion.audience).dump(), ingestion.upkeep.enabled ? 1 : 0,
       ingestion.managed_by, ingestion.archived ? 1 : 0});
}

Project Catalog::project() {
  Project project;
  std::string zone, unit_types;
  if (session_->db.one("SELECT project_id, zone, unit_types FROM project", {}, project.id, zone,
                       unit_types)) {
    project.zone = Zone::named(zone);
    project.unit_types =
        json::parse(unit_types, "unit types in the catalog").get<std::vector<std::string>>();
  }
  return project;
}

void Catalog::set_project(const Project& project) {
  Session& session = *session_;
  Transaction transaction(session.db);
  std::string known;
  if (session.db.one("SELECT project_id FROM project", {}, known) && known != project.id) {
    throw Error(Fault::Misconfigured, "project_fixed",
                fmt::format("this catalog is of project {}, not of {}", known, project.id),
                "Give each project a home of its own");
  }
  session.project = project.id;
  note_project(session, project);
  session.db.run(R"(INSERT INTO project (project_id, zone, unit_types)
                    VALUES (:project, :zone, :unit_types)
                    ON CONFLICT (project_id) DO UPDATE SET
                      zone = excluded.zone, unit_types = excluded.unit_types)",
                 {project.id, project.zone.name(), json::Value(project.unit_types).dump()});
  for (const std::string& name : project.unit_types) remember_unit_type(session, name);
  transaction.commit();
}

std::vector<Ingestion> Catalog::ingestions(bool archived) {
  std::vector<Ingestion> found;
  session_->db.query(std::string(kIngestionColumns) +
                         R"(WHERE i.project_id = :project AND i.archived <= :archived
                            ORDER BY i.handle, i.kind, i.dataset, i.name)",
                     {session_->project, archived ? 1 : 0}, [&](const Row& row) {
                       StoredIngestion stored = stored_in(row);
                       auto& [seen, ingestion] = session_->parsed[stored.id];
                       if (seen != stored) {
                         ingestion = parsed(stored);
                         seen = std::move(stored);
                       }
                       found.push_back(ingestion);
                     });
  return found;
}

Ingestion Catalog::ingestion(const std::string& name) {
  Transaction view(session_->db, Transaction::Kind::Read);
  return *find_ingestion(*session_, id_called(name, all_called(*session_)));
}

std::optional<Ingestion> Catalog::ingestion_by_id(const std::string& id) {
  return find_ingestion(*session_, id);
}

Ingestion Catalog::put_ingestion(Ingestion ingestion) {
  Transaction transaction(session_->db);
  const auto known = settle_identity(*session_, ingestion);
  ingestion.archived = false;
  if (!known || !same(*known, ingestion)) {
    note_ingestion(*session_, known, ingestion);
    announce(*session_, {.what = What::Define, .ingestion = ingestion});
  }
  transaction.commit();
  return ingestion;
}

void Catalog::archive_ingestion(const std::string& id) {
  Transaction transaction(session_->db);
  auto ingestion = find_ingestion(*session_, id);
  if (ingestion && !ingestion->archived) {
    ingestion->archived = true;
    write_audit(*session_, "ingestion_source_delete", ingestion->name,
                ingestion->handle + " is removed, its days stay", "{}");
    end_all_asked(*session_, id, ingestion->handle + " was removed");
    announce(*session_, {.what = What::Archive, .ingestion = *ingestion});
  }
  transaction.commit();
}

std::string Catalog::creator(const Ingestion& ingestion) {
  std::string address;
  session_->db.one(R"(SELECT p.email FROM audit a
                      JOIN person p ON p.project_id = a.project_id AND p.id = a.actor_id
                      WHERE a.project_id = :project AND a.action = 'ingestion_source_create'
                        AND a.actor_kind = 'user' AND a.about = :about AND p.active
                      ORDER BY a.id DESC LIMIT 1)",
                   {session_->project, full_name(ingestion) + " is new"}, address);
  return address;
}

LastChange Catalog::last_change(const Ingestion& ingestion) {
  LastChange last{made_at(ingestion.id), {}};
  // What bore the name before it was made is another one.
  session_->db.one(R"(SELECT at, actor_name FROM audit
                      WHERE project_id = :project AND name = :name AND at >= :made_at
                        AND action IN ('ingestion_source_create', 'ingestion_source_update')
                        AND instr(about, :full_name) = 1
                      ORDER BY id DESC LIMIT 1)",
                   {session_->project, ingestion.name, last.at, full_name(ingestion)}, last.at,
                   last.by);
  return last;
}

std::optional<Definition> Catalog::definition(const std::string& revision) {
  std::string body;
  if (!session_->db.one(
          "SELECT body FROM definition WHERE project_id = :project AND revision = :revision",
          {session_->project, revision}, body)) {
    return {};
  }
  return json::definition(json::parse(body, "definition in the catalog"));
}

}  // namespace millrace::catalog
