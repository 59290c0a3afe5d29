#include "catalog/catalog.h"

#include <fmt/format.h>

#include "catalog/schema.h"
#include "catalog/session.h"

namespace millrace::catalog {
namespace {

/// Generations kept: only the store's newest one is ever asked for.
constexpr int kGenerations = 100;

Database::Options database_options(const Catalog::Options& options) {
  return {.path = options.path, .read_only = options.read_only, .wait = options.wait};
}

/// Somebody who only asks may still be the first to come with a newer program.
void migrate_through_another_connection(const Catalog::Options& options, Env& env) {
  Catalog::Options writing = options;
  writing.read_only = false;
  Database database(database_options(writing), env);
  migrate(database);
}

}  // namespace

Session::Session(const Catalog::Options& options, Env& environment)
    : env(environment), db(database_options(options), environment) {
  if (!options.read_only) {
    migrate(db);
  } else if (schema_version(db) != kSchemaVersion) {
    migrate_through_another_connection(options, environment);
  }
  db.one("SELECT project_id FROM project", {}, project);
}

Attempt attempt_named(const std::string& name) {
  for (const Attempt attempt : {Attempt::None, Attempt::Waiting, Attempt::Loading, Attempt::Loaded,
                                Attempt::Empty, Attempt::Failed, Attempt::Rejected}) {
    if (name_of(attempt) == name) return attempt;
  }
  throw std::logic_error(fmt::format("the catalog holds an unknown attempt '{}'", name));
}

Dataset dataset_of(const std::string& name) {
  const auto dataset = dataset_named(name);
  check(dataset.has_value(), "the catalog holds known datasets");
  return *dataset;
}

std::int64_t next_seq(Session& session, Dataset dataset) {
  std::int64_t seq = 0;
  session.db.one(
      R"(INSERT INTO publish_seq (project_id, dataset, seq) VALUES (:project, :dataset, 1)
                    ON CONFLICT (project_id, dataset) DO UPDATE SET seq = publish_seq.seq + 1
                    RETURNING seq)",
      {session.project, name_of(dataset)}, seq);
  return seq;
}

void owe(Session& session, const std::string& what, const Published& published) {
  session.db.run(
      R"(INSERT INTO intent (project_id, what, dataset, seq, record)
                    VALUES (:project, :what, :dataset, :seq, :record))",
      {session.project, what, name_of(published.dataset), published.seq, published.record});
}

Catalog::Catalog(const Options& options, Env& env)
    : session_(std::make_unique<Session>(options, env)) {}

Catalog::~Catalog() = default;

void Catalog::back_up(const std::filesystem::path& copy) {
  if (std::filesystem::exists(copy)) {
    throw Error(Fault::Conflict, "file_exists", fmt::format("{} exists already", copy.string()),
                "Name a file that does not exist yet; a backup replaces nothing");
  }
  session_->db.run("VACUUM INTO :copy", {copy.string()});
}

std::string Catalog::store_id() {
  std::string id;
  session_->db.one("SELECT store_id FROM store", {}, id);
  return id;
}

void Catalog::set_store_id(const std::string& id) {
  Transaction transaction(session_->db);
  session_->db.run(R"(DELETE FROM generation
                      WHERE NOT EXISTS (SELECT 1 FROM store WHERE store_id = :id))",
                   {id});
  session_->db.run("DELETE FROM store");
  session_->db.run("INSERT INTO store (project_id, store_id) VALUES (:project, :id)",
                   {session_->project, id});
  transaction.commit();
}

void Catalog::add_generation(std::int64_t number, const std::string& nonce) {
  Transaction transaction(session_->db);
  session_->db.run(R"(INSERT INTO generation (project_id, number, nonce, added_at)
                      VALUES (:project, :number, :nonce, :now) ON CONFLICT DO NOTHING)",
                   {session_->project, number, nonce, session_->env.now()});
  session_->db.run("DELETE FROM generation WHERE number < :oldest", {number - kGenerations});
  transaction.commit();
}

bool Catalog::knows_generation(std::int64_t number, const std::string& nonce) {
  std::int64_t known = 0;
  return session_->db.one("SELECT number FROM generation WHERE number = :number AND nonce = :nonce",
                          {number, nonce}, known);
}

std::int64_t Catalog::highest_publish(Dataset dataset) {
  std::int64_t seq = 0;
  session_->db.one("SELECT seq FROM publish_seq WHERE project_id = :project AND dataset = :dataset",
                   {session_->project, name_of(dataset)}, seq);
  return seq;
}

std::vector<Intent> Catalog::intents(std::string_view what) {
  std::vector<Intent> intents;
  session_->db.query(
      "SELECT id, what, dataset, seq, record FROM intent WHERE :what IN ('', what) ORDER BY id",
      {what}, [&](const Row& row) {
        Intent& intent = intents.emplace_back();
        std::string dataset;
        row.into(intent.id, intent.what, dataset, intent.seq, intent.record);
        intent.dataset = dataset_of(dataset);
      });
  return intents;
}

void Catalog::confirm(std::span<const Intent> intents) {
  // Forgotten in a power cut, it is told once more; that costs less than a wait for the disk.
  Transaction transaction(session_->db, Transaction::Kind::WriteLazily);
  for (const Intent& intent : intents) {
    session_->db.run("DELETE FROM intent WHERE id = :id", {intent.id});
  }
  transaction.commit();
}

void Catalog::atomically(const std::function<void()>& work) {
  Transaction transaction(session_->db);
  work();
  transaction.commit();
}

}  // namespace millrace::catalog
