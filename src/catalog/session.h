#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "catalog/audit.h"
#include "catalog/catalog.h"
#include "catalog/database.h"
#include "model/json.h"

namespace millrace::catalog {

/// The texts that a row of an ingestion is made of.
struct StoredIngestion {
  std::string id, handle, name, connection, kind, limits, upkeep, audience, managed_by, definition;
  bool archived = false;
  bool operator==(const StoredIngestion&) const = default;
};

/// The open file and what every part of the catalog needs to work on it. The functions below are
/// the rows of its tables as nouns; those that write expect an open Transaction.
struct Session {
  Session(const Catalog::Options& options, Env& environment);

  Env& env;
  Database db;
  std::string project = "default";  ///< Its id; on every row.
  Actor actor;                      ///< Whom the audit log names.
  /// What a list of all has read last, by id: a row that says the same is not parsed again.
  std::map<std::string, std::pair<StoredIngestion, Ingestion>> parsed = {};
};

/// Writes an entry of the audit log, in the transaction of the change; `changes` as `differences`.
void write_audit(Session& session, const std::string& action, const std::string& name,
                 const std::string& about, const std::string& changes);
/// The members that differ: {"name": {"before", "after"}}
std::string differences(const json::Value& before, const json::Value& after);
/// "name, query": which members they are.
std::string names_in(const std::string& changes);

std::optional<Ingestion> find_ingestion(Session& session, const std::string& id);
/// Inserts or replaces it, with its definition.
void store_ingestion(Session& session, const Ingestion& ingestion);
void store_definition(Session& session, const Definition& definition);
void remember_unit_type(Session& session, const std::string& name);
/// "flights", or the id of one that is gone: how errors name an ingestion.
std::string handle_of(Session& session, const std::string& ingestion);
/// What was asked for and has not begun is not done: nobody would.
void end_all_asked(Session& session, const std::string& ingestion, const std::string& why);

std::optional<LoadRow> find_load(Session& session, const std::string& id);
/// True when its holder has certainly ended, or is on another machine, or this very process, and
/// has not renewed it for too long.
bool is_abandoned(Session& session, const LoadRow& load);
/// The failure of an abandoned load.
Error death_of(Session& session, const LoadRow& load);
/// Makes it what a day says of its last attempt.
void show_error(DayState& state, Attempt attempt, const Error& error);
/// Ends an open load; nothing happens to one that is closed.
void close_load(Session& session, const std::string& id, Attempt attempt, const Error& error);

std::optional<DayState> find_day(Session& session, const std::string& ingestion, Day day);
/// All of a day but its lease, its token and its last check.
void store_day(Session& session, const DayState& state);
std::optional<Version> find_version(Session& session, const std::string& id);
bool is_swept(Session& session, const std::string& version);

std::int64_t next_seq(Session& session, Dataset dataset);
void owe(Session& session, const std::string& what, const Published& published);

Attempt attempt_named(const std::string& name);
Dataset dataset_of(const std::string& name);

}  // namespace millrace::catalog
