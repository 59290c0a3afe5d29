#include "catalog/session.h"

namespace millrace::catalog {
namespace {

constexpr const char* kSecretColumns = "SELECT name, key_id, box, set_at FROM secret ";

SealedSecret sealed_in(const Row& row) {
  SealedSecret sealed;
  row.into(sealed.name, sealed.key, sealed.box, sealed.set_at);
  return sealed;
}

}  // namespace

void Catalog::put_secret(const SealedSecret& sealed) {
  Session& session = *session_;
  Transaction transaction(session.db);
  session.db.run(R"(INSERT INTO secret (project_id, name, key_id, box, set_at)
                    VALUES (:project, :name, :key, :box, :now)
                    ON CONFLICT (project_id, name) DO UPDATE SET
                      key_id = excluded.key_id, box = excluded.box, set_at = excluded.set_at)",
                 {session.project, sealed.name, sealed.key, sealed.box, session.env.now()});
  write_audit(session, "secret_set", sealed.name, "the secret " + sealed.name + " is set", "{}");
  transaction.commit();
}

std::optional<SealedSecret> Catalog::secret(const std::string& name) {
  std::optional<SealedSecret> sealed;
  session_->db.query(std::string(kSecretColumns) + "WHERE project_id = :project AND name = :name",
                     {session_->project, name}, [&](const Row& row) { sealed = sealed_in(row); });
  return sealed;
}

std::vector<SealedSecret> Catalog::secrets() {
  std::vector<SealedSecret> all;
  session_->db.query(std::string(kSecretColumns) + "WHERE project_id = :project ORDER BY name",
                     {session_->project}, [&](const Row& row) { all.push_back(sealed_in(row)); });
  return all;
}

void Catalog::remove_secret(const std::string& name) {
  Session& session = *session_;
  Transaction transaction(session.db);
  if (session.db.run("DELETE FROM secret WHERE project_id = :project AND name = :name",
                     {session.project, name}) > 0) {
    write_audit(session, "secret_delete", name, "the secret " + name + " is forgotten", "{}");
  }
  transaction.commit();
}

}  // namespace millrace::catalog
