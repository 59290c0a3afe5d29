#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "catalog/session.h"
#include "model/json.h"

namespace millrace::catalog {
namespace {

constexpr std::chrono::hours kAnswersKept(24);

constexpr const char* kKeyColumns =
    R"(SELECT id, type, digest, hint, description, scopes, per_10s, per_15min, active, created_at,
              last_used_at
       FROM api_key )";

ApiKey key_in(const Row& row) {
  ApiKey key;
  std::string scopes;
  row.into(key.id, key.type, key.digest, key.hint, key.description, scopes, key.per_10s,
           key.per_15min, key.active, key.created_at, key.last_used_at);
  key.scopes = json::parse(scopes, "scopes in the catalog").get<std::vector<std::string>>();
  return key;
}

std::optional<ApiKey> find_key(Session& session, const std::string& id) {
  std::optional<ApiKey> key;
  session.db.query(std::string(kKeyColumns) + "WHERE project_id = :project AND id = :id",
                   {session.project, id}, [&](const Row& row) { key = key_in(row); });
  return key;
}

std::string described(const ApiKey& key) {
  return "a " + key.type + " key" + (key.description.empty() ? "" : ": " + key.description);
}

void note_key(Session& session, const ApiKey& key) {
  const auto known = find_key(session, key.id);
  const auto shown = [](const ApiKey& one) {
    return json::Value{{"description", one.description}, {"scopes", one.scopes},
                       {"per_10s", one.per_10s},         {"per_15min", one.per_15min},
                       {"active", one.active},           {"key", one.hint}};
  };
  const std::string changes =
      differences(known ? shown(*known) : json::Value::object(), shown(key));
  const char* action = !known                         ? "sdk_key_create"
                       : known->digest != key.digest  ? "secret_key_regenerate"
                       : known->active && !key.active ? "sdk_key_deactivate"
                                                      : "sdk_key_update";
  if (changes != "{}") write_audit(session, action, key.hint, described(key), changes);
}

}  // namespace

void Catalog::put_key(const ApiKey& key) {
  Session& session = *session_;
  Transaction transaction(session.db);
  note_key(session, key);
  session.db.run(
      R"(INSERT INTO api_key (project_id, id, type, digest, hint, description, scopes, per_10s,
                              per_15min, active, created_at, last_used_at)
         VALUES (:project, :id, :type, :digest, :hint, :description, :scopes, :per_10s,
                 :per_15min, :active, :created_at, :last_used_at)
         ON CONFLICT (project_id, id) DO UPDATE SET
           digest = excluded.digest, hint = excluded.hint,
           description = excluded.description, scopes = excluded.scopes,
           per_10s = excluded.per_10s, per_15min = excluded.per_15min,
           active = excluded.active)",
      {session.project, key.id, key.type, key.digest, key.hint, key.description,
       json::Value(key.scopes).dump(), key.per_10s, key.per_15min, key.active ? 1 : 0,
       key.created_at, key.last_used_at});
  transaction.commit();
}

void Catalog::remove_key(const std::string& id) {
  Session& session = *session_;
  Transaction transaction(session.db);
  const auto known = find_key(session, id);
  if (known) {
    session.db.run("DELETE FROM api_key WHERE project_id = :project AND id = :id",
                   {session.project, id});
    write_audit(session, "sdk_key_delete", known->hint, described(*known), "{}");
  }
  transaction.commit();
}

std::vector<ApiKey> Catalog::keys() {
  std::vector<ApiKey> keys;
  session_->db.query(std::string(kKeyColumns) + "WHERE project_id = :project ORDER BY id",
                     {session_->project}, [&](const Row& row) { keys.push_back(key_in(row)); });
  return keys;
}

std::optional<ApiKey> Catalog::key_with_digest(const std::string& digest) {
  std::optional<ApiKey> key;
  session_->db.query(std::string(kKeyColumns) + "WHERE project_id = :project AND digest = :digest",
                     {session_->project, digest}, [&](const Row& row) { key = key_in(row); });
  return key;
}

void Catalog::note_key_used(const std::string& id) {
  Transaction transaction(session_->db, Transaction::Kind::WriteLazily);
  session_->db.run(R"(UPDATE api_key SET last_used_at = :now
                      WHERE project_id = :project AND id = :id)",
                   {session_->env.now(), session_->project, id});
  transaction.commit();
}

std::optional<GivenAnswer> Catalog::given_answer(const std::string& key, const std::string& name) {
  GivenAnswer answer;
  if (!session_->db.one(
          R"(SELECT request, status, body FROM given_answer
             WHERE project_id = :project AND api_key = :key AND name = :name
               AND given_at > :since)",
          {session_->project, key, name, session_->env.now() - kAnswersKept}, answer.request,
          answer.status, answer.body)) {
    return {};
  }
  return answer;
}

void Catalog::remember_answer(const std::string& key, const std::string& name,
                              const GivenAnswer& answer) {
  Transaction transaction(session_->db);
  const Instant now = session_->env.now();
  session_->db.run("DELETE FROM given_answer WHERE given_at <= :until", {now - kAnswersKept});
  session_->db.run(
      R"(INSERT INTO given_answer (project_id, api_key, name, request, status, body, given_at)
         VALUES (:project, :key, :name, :request, :status, :body, :now))",
      {session_->project, key, name, answer.request, answer.status, answer.body, now});
  transaction.commit();
}

std::optional<Instant> Catalog::complete_until(Dataset dataset) {
  std::optional<Instant> until;
  session_->db.one(R"(SELECT complete_until FROM dataset_rule
                      WHERE project_id = :project AND dataset = :dataset)",
                   {session_->project, name_of(dataset)}, until);
  return until;
}

void Catalog::set_complete_until(Dataset dataset, Instant until) {
  session_->db.run(R"(INSERT INTO dataset_rule (project_id, dataset, complete_until)
                      VALUES (:project, :dataset, :until)
                      ON CONFLICT (project_id, dataset) DO UPDATE SET
                        complete_until = excluded.complete_until)",
                   {session_->project, name_of(dataset), until});
}

std::map<Dataset, int> Catalog::dataset_hours() {
  std::map<Dataset, int> hours;
  session_->db.query(R"(SELECT dataset, hour FROM dataset_rule
                        WHERE project_id = :project AND hour IS NOT NULL)",
                     {session_->project}, [&](const Row& row) {
                       std::string dataset;
                       int hour = 0;
                       row.into(dataset, hour);
                       hours[dataset_of(dataset)] = hour;
                     });
  return hours;
}

void Catalog::set_dataset_hour(Dataset dataset, int hour) {
  Transaction transaction(session_->db);
  session_->db.run(R"(INSERT INTO dataset_rule (project_id, dataset, hour)
                      VALUES (:project, :dataset, :hour)
                      ON CONFLICT (project_id, dataset) DO UPDATE SET hour = excluded.hour)",
                   {session_->project, name_of(dataset), hour});
  write_audit(*session_, "ingestion_schedule_update", std::string(name_of(dataset)),
              fmt::format("loaded at hour {}", hour), "{}");
  transaction.commit();
}

}  // namespace millrace::catalog
