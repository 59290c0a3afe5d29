#include <nlohmann/json.hpp>

#include "catalog/session.h"
#include "catalog/user.h"
#include "model/json.h"

namespace millrace::catalog {
namespace {

constexpr const char* kUserColumns =
    R"(SELECT id, email, password, role, grants, active, slack_direct,
              failures, locked_until, created_at FROM person )";

User user_in(const Row& row) {
  User user;
  std::string grants;
  row.into(user.id, user.email, user.password, user.role, grants, user.active, user.slack_direct,
           user.failures, user.locked_until, user.created_at);
  user.grants = json::parse(grants, "grants in the catalog").get<std::vector<std::string>>();
  return user;
}

std::optional<User> find(Session& session, const char* column, const std::string& value) {
  std::optional<User> user;
  session.db.query(
      std::string(kUserColumns) + "WHERE project_id = :project AND " + column + " = :value",
      {session.project, value}, [&](const Row& row) { user = user_in(row); });
  return user;
}

/// What the audit log shows; never the password.
json::Value shown(const User& user) {
  return {{"email", user.email},
          {"role", user.role},
          {"grants", user.grants},
          {"active", user.active},
          {"slack_direct", user.slack_direct}};
}

bool is_acting_admin(const User& user) { return user.active && user.role == "admin"; }

/// Without one, nobody who is signed in could make another.
void require_an_admin(Session& session, const std::string& without) {
  std::int64_t others = 0;
  session.db.one(R"(SELECT count(*) FROM person WHERE project_id = :project AND id <> :id
                    AND active <> 0 AND role = 'admin')",
                 {session.project, without}, others);
  if (others == 0) {
    throw Error(Fault::Conflict, "last_admin", "this is the only active admin",
                "Make another user an admin first");
  }
}

}  // namespace

void Catalog::put_user(const User& user) {
  Session& session = *session_;
  Transaction transaction(session.db);
  const auto known = find(session, "id", user.id);
  if (const auto same = find(session, "email", user.email); same && same->id != user.id) {
    throw Error(Fault::Conflict, "name_taken", "there is a user " + user.email + " already");
  }
  if (known && is_acting_admin(*known) && !is_acting_admin(user)) {
    require_an_admin(session, user.id);
  }
  session.db.run(
      R"(INSERT INTO person (project_id, id, email, password, role, grants, active, slack_direct,
                             failures, locked_until, created_at)
         VALUES (:project, :id, :email, :password, :role, :grants, :active, :slack_direct,
                 :failures, :locked_until, :created_at)
         ON CONFLICT (project_id, id) DO UPDATE SET
           email = excluded.email, password = excluded.password, role = excluded.role,
           grants = excluded.grants, active = excluded.active,
           slack_direct = excluded.slack_direct, failures = excluded.failures,
           locked_until = excluded.locked_until)",
      {session.project, user.id, user.email, user.password, user.role,
       json::Value(user.grants).dump(), user.active ? 1 : 0, user.slack_direct ? 1 : 0,
       user.failures, user.locked_until, user.created_at});
  const std::string changes =
      differences(known ? shown(*known) : json::Value::object(), shown(user));
  const bool has_new_password = known && known->password != user.password;
  if (changes != "{}") {
    write_audit(session, known ? "user_update" : "user_create", user.email,
                known ? user.email + ": " + names_in(changes) : user.email + " is new", changes);
  }
  if (has_new_password) {
    write_audit(session, "user_password", user.email, user.email + " has another password", "{}");
  }
  // Whoever was signed in with what is no longer true signs in again.
  if (has_new_password || !user.active) {
    session.db.run("DELETE FROM person_session WHERE project_id = :project AND person = :id",
                   {session.project, user.id});
  }
  transaction.commit();
}

std::vector<User> Catalog::users() {
  std::vector<User> users;
  session_->db.query(std::string(kUserColumns) + "WHERE project_id = :project ORDER BY email",
                     {session_->project}, [&](const Row& row) { users.push_back(user_in(row)); });
  return users;
}

std::optional<User> Catalog::user(const std::string& email) {
  return find(*session_, "email", email);
}

std::optional<User> Catalog::user_by_id(const std::string& id) { return find(*session_, "id", id); }

void Catalog::note_sign_in(const std::string& id, std::int64_t failures,
                           std::optional<Instant> locked_until) {
  Transaction transaction(session_->db);
  session_->db.run(R"(UPDATE person SET failures = :failures, locked_until = :locked
                      WHERE project_id = :project AND id = :id)",
                   {failures, locked_until, session_->project, id});
  transaction.commit();
}

void Catalog::put_session(const UserSession& made) {
  Transaction transaction(session_->db);
  session_->db.run("DELETE FROM person_session WHERE expires_at <= :now", {session_->env.now()});
  session_->db.run(
      R"(INSERT INTO person_session (project_id, digest, csrf, person, expires_at)
         VALUES (:project, :digest, :csrf, :person, :expires_at))",
      {session_->project, made.digest, made.csrf, made.user, made.expires_at});
  transaction.commit();
}

std::optional<UserSession> Catalog::session(const std::string& digest) {
  UserSession found;
  if (!session_->db.one(R"(SELECT digest, csrf, person, expires_at FROM person_session
                           WHERE project_id = :project AND digest = :digest AND expires_at > :now)",
                        {session_->project, digest, session_->env.now()}, found.digest, found.csrf,
                        found.user, found.expires_at)) {
    return {};
  }
  return found;
}

void Catalog::remove_session(const std::string& digest) {
  Transaction transaction(session_->db);
  session_->db.run("DELETE FROM person_session WHERE project_id = :project AND digest = :digest",
                   {session_->project, digest});
  transaction.commit();
}

}  // namespace millrace::catalog
