#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "catalog/session.h"
#include "model/json.h"

namespace millrace::catalog {
namespace {

constexpr const char* kLoadColumns =
    R"(SELECT id, ingestion, day, revision, run, asked_by, attempt, host, pid, process_start,
              COALESCE(renewed_at, started_at), started_at, closed_at, error_text
       FROM load )";

LoadRow load_in(const Row& row) {
  LoadRow load;
  std::string attempt;
  row.into(load.id, load.ingestion, load.day, load.revision, load.run, load.trigger, attempt,
           load.holder.host, load.holder.pid, load.holder.start_time, load.renewed_at,
           load.started_at, load.closed_at, load.error_text);
  load.attempt = attempt_named(attempt);
  return load;
}

struct Holding {
  std::string load, current, held_load;
};

std::optional<Holding> holding_of(Session& session, const std::string& ingestion, Day day) {
  Holding holding;
  if (!session.db.one(R"(SELECT lease_load, current, held_load FROM day
                         WHERE project_id = :project AND ingestion = :ingestion AND day = :day)",
                      {session.project, ingestion, day}, holding.load, holding.current,
                      holding.held_load)) {
    return {};
  }
  return holding;
}

/// What a day shows of a load that ended without a version. A held one waits again.
void show_failure(Session& session, const LoadRow& load, Attempt attempt, const Error& error) {
  auto state = find_day(session, load.ingestion, load.day);
  if (!state) return;
  show_error(*state, state->held_load == load.id ? Attempt::Waiting : attempt, error);
  state->load = load.id;
  state->changed_at = session.env.now();
  store_day(session, *state);
}

/// False where the lease was lost.
bool free_lease(Session& session, const Lease& lease) {
  return session.db.run(R"(UPDATE day SET lease_load = '', lease_token = ''
                           WHERE project_id = :project AND ingestion = :ingestion AND day = :day
                             AND lease_token = :token)",
                        {session.project, lease.ingestion, lease.day, lease.token}) > 0;
}

bool is_elsewhere(const LoadRow& load) { return load.holder.host != this_process().host; }

/// Whether the holder works on it cannot be seen from its process: that is out of sight, or it is
/// this one, which may have failed to close the load (a full disk) and goes on with others.
bool only_silence_tells(const LoadRow& load) {
  return is_elsewhere(load) || load.holder == this_process();
}

/// Whether the load of the day before this one ended with its process as well.
bool died_before(Session& session, const LoadRow& load) {
  std::string code;
  session.db.one(R"(SELECT error_code FROM load
                    WHERE project_id = :project AND ingestion = :ingestion AND day = :day
                      AND id < :id ORDER BY id DESC LIMIT 1)",
                 {session.project, load.ingestion, load.day, load.id}, code);
  return code == kProcessDied || code == kProcessDiedAgain;
}

void close_dead(Session& session, const LoadRow& load) {
  const Error error = death_of(session, load);
  close_load(session, load.id, Attempt::Failed, error);
  const auto freed = session.db.run(R"(UPDATE day SET lease_load = '', lease_token = ''
                                       WHERE project_id = :project AND ingestion = :ingestion
                                         AND day = :day AND lease_load = :load)",
                                    {session.project, load.ingestion, load.day, load.id});
  if (freed > 0) show_failure(session, load, Attempt::Failed, error);
}

[[noreturn]] void refuse_busy(Session& session, const LoadRow& holder) {
  throw Error(
      Fault::Conflict, "day_busy",
      fmt::format("could not start loading {} {}: process {} on {} has been loading it "
                  "since {} (load {})",
                  handle_of(session, holder.ingestion), holder.day.text(), holder.holder.pid,
                  holder.holder.host, to_text(holder.started_at), holder.id),
      is_elsewhere(holder)
          ? fmt::format("Wait until it is done; if {} is gone, the day is free after {}",
                        holder.holder.host, to_text(holder.renewed_at + kLeaseLasts))
          : "Wait until it is done, or end that process; one that died is noticed by itself");
}

/// Takes the lease over from whoever held it and is gone.
Lease take_lease(Session& session, const std::string& ingestion, Day day, const std::string& load,
                 const Holding& holding) {
  auto state = find_day(session, ingestion, day);
  const Lease lease{ingestion, day, load, new_id(session.env), holding.current, state.value()};
  session.db.run(R"(UPDATE day SET lease_load = :load, lease_token = :token
                    WHERE project_id = :project AND ingestion = :ingestion AND day = :day)",
                 {load, lease.token, session.project, ingestion, day});
  state->attempt = Attempt::Loading;
  state->load = load;
  state->error_code = state->error_text = state->error_advice = {};
  state->changed_at = session.env.now();
  store_day(session, *state);
  return lease;
}

/// The day's row, made where it is missing, and nobody alive who works on it.
Holding free_day(Session& session, const std::string& ingestion, Day day) {
  auto holding = holding_of(session, ingestion, day);
  if (!holding) {
    DayState state;
    state.ingestion = ingestion;
    state.day = day;
    store_day(session, state);
    return {};
  }
  if (holding->load.empty()) return *holding;
  const auto holder = find_load(session, holding->load);
  check(holder.has_value(), "a lease names a load");
  if (!is_abandoned(session, *holder)) refuse_busy(session, *holder);
  close_dead(session, *holder);
  return *holding;
}

Ingestion living_ingestion(Session& session, const std::string& id) {
  auto ingestion = find_ingestion(session, id);
  if (!ingestion) {
    throw Error(Fault::Misconfigured, "unknown_ingestion",
                fmt::format("there is no ingestion with the id {}", id));
  }
  if (ingestion->archived) {
    throw Error(
        Fault::Misconfigured, "ingestion_archived",
        fmt::format("{} was removed; its days stay, but nothing new is loaded", ingestion->handle),
        "Apply its definition again to bring it back");
  }
  return *std::move(ingestion);
}

}  // namespace

bool is_abandoned(Session& session, const LoadRow& load) {
  if (!may_be_alive(load.holder)) return true;
  return only_silence_tells(load) && session.env.now() > load.renewed_at + kLeaseLasts;
}

Error death_of(Session& session, const LoadRow& load) {
  const std::string end =
      may_be_alive(load.holder)
          ? fmt::format("has given no sign of life since {}", to_text(load.renewed_at))
          : "ended";
  return {Fault::Unavailable, died_before(session, load) ? kProcessDiedAgain : kProcessDied,
          fmt::format("process {} on {} {} while it loaded the day", load.holder.pid,
                      load.holder.host, end),
          "Load the day again; nothing of the load was published"};
}

void show_error(DayState& state, Attempt attempt, const Error& error) {
  state.attempt = attempt;
  state.error_code = error.code;
  state.error_text = error.what();
  state.error_advice = error.advice;
  state.error_fault = error.fault;
}

std::optional<LoadRow> find_load(Session& session, const std::string& id) {
  std::optional<LoadRow> found;
  session.db.query(std::string(kLoadColumns) + "WHERE project_id = :project AND id = :id",
                   {session.project, id}, [&](const Row& row) { found = load_in(row); });
  return found;
}

void close_load(Session& session, const std::string& id, Attempt attempt, const Error& error) {
  session.db.run(
      R"(UPDATE load SET attempt = :attempt, error_text = :error_text, error_code = :error_code,
                         error_fault = :error_fault, error_advice = :error_advice,
                         error_in_full = :error_in_full, closed_at = :now
         WHERE project_id = :project AND id = :id AND closed_at IS NULL)",
      {name_of(attempt), error.what(), error.code, name_of(error.fault), error.advice,
       error.in_full, session.env.now(), session.project, id});
}

Lease Catalog::begin_load(const std::string& ingestion, Day day, const std::string& revision,
                          const std::string& run, const std::string& trigger) {
  Session& session = *session_;
  Transaction transaction(session.db);
  const Ingestion wanted = living_ingestion(session, ingestion);
  check(definition(revision).has_value(), "a load names a stored definition");
  const Holding holding = free_day(session, ingestion, day);
  const ProcessId self = this_process();
  const std::string load = new_id(session.env);
  const Instant now = session.env.now();
  session.db.run(R"(INSERT INTO load (project_id, id, ingestion, dataset, day, revision, run,
                                      asked_by, attempt, host, pid, process_start, started_at,
                                      renewed_at)
                    VALUES (:project, :id, :ingestion, :dataset, :day, :revision, :run,
                            :asked_by, :attempt, :host, :pid, :process_start, :started_at,
                            :renewed_at))",
                 {session.project, load, ingestion, name_of(wanted.definition.dataset), day,
                  revision, run, trigger, name_of(Attempt::Loading), self.host,
                  std::int64_t{self.pid}, self.start_time, now, now});
  const Lease lease = take_lease(session, ingestion, day, load, holding);
  transaction.commit();
  return lease;
}

Lease Catalog::accept_load(const std::string& ingestion, Day day) {
  Session& session = *session_;
  Transaction transaction(session.db);
  const Ingestion wanted = living_ingestion(session, ingestion);
  if (!held_manifest(ingestion, day)) {
    throw Error(Fault::Misconfigured, "nothing_held",
                fmt::format("no load of {} waits for {}", wanted.handle, day.text()),
                fmt::format("Load it with `millrace load {} --day {}`", wanted.handle, day.text()));
  }
  const Holding holding = free_day(session, ingestion, day);
  const ProcessId self = this_process();
  session.db.run(
      R"(UPDATE load SET closed_at = NULL, told_at = NULL, host = :host, pid = :pid,
                         process_start = :process_start, renewed_at = :now
         WHERE project_id = :project AND id = :id)",
      {self.host, std::int64_t{self.pid}, self.start_time, session.env.now(), session.project,
       holding.held_load});
  const Lease lease = take_lease(session, ingestion, day, holding.held_load, holding);
  write_audit(session, "day_accept", wanted.handle, day.text() + ": what was held is published",
              "{}");
  transaction.commit();
  return lease;
}

void Catalog::renew_leases(const std::vector<std::string>& loads) {
  Session& session = *session_;
  const ProcessId self = this_process();
  Transaction transaction(session.db, Transaction::Kind::WriteLazily);
  for (const std::string& load : loads) {
    session.db.run(R"(UPDATE load SET renewed_at = :now
                      WHERE project_id = :project AND id = :id AND closed_at IS NULL
                        AND host = :host AND pid = :pid AND process_start = :start)",
                   {session.env.now(), session.project, load, self.host, std::int64_t{self.pid},
                    self.start_time});
  }
  transaction.commit();
}

std::optional<Manifest> Catalog::held_manifest(const std::string& ingestion, Day day) {
  std::string manifest;
  session_->db.one(R"(SELECT load.manifest FROM day
                      JOIN load ON load.project_id = day.project_id AND load.id = day.held_load
                      WHERE day.project_id = :project AND day.ingestion = :ingestion
                        AND day.day = :day)",
                   {session_->project, ingestion, day}, manifest);
  if (manifest.empty()) return {};
  return json::manifest(json::parse(manifest, "manifest in the catalog"));
}

void Catalog::fail_load(const Lease& lease, Attempt attempt, const Error& error) {
  Session& session = *session_;
  Transaction transaction(session.db);
  if (free_lease(session, lease)) {
    const auto load = find_load(session, lease.load);
    check(load.has_value(), "a lease names a load");
    close_load(session, lease.load, attempt, error);
    show_failure(session, *load, attempt, error);
  }
  transaction.commit();
}

void Catalog::give_back(const Lease& lease) {
  Session& session = *session_;
  Transaction transaction(session.db);
  if (free_lease(session, lease)) {
    session.db.run("DELETE FROM load WHERE project_id = :project AND id = :id",
                   {session.project, lease.load});
    if (lease.before.attempt == Attempt::None) {
      session.db.run(R"(DELETE FROM day WHERE project_id = :project AND ingestion = :ingestion
                                          AND day = :day)",
                     {session.project, lease.ingestion, lease.day});
    } else {
      DayState state = find_day(session, lease.ingestion, lease.day).value();
      const DayState& before = lease.before;
      state.attempt = before.attempt;
      state.load = before.load;
      state.error_code = before.error_code;
      state.error_text = before.error_text;
      state.error_advice = before.error_advice;
      state.error_fault = before.error_fault;
      store_day(session, state);
    }
  }
  transaction.commit();
}

std::optional<std::int64_t> Catalog::published_seq(const std::string& load) {
  std::optional<std::int64_t> seq;
  session_->db.one("SELECT published_seq FROM load WHERE project_id = :project AND id = :id",
                   {session_->project, load}, seq);
  return seq;
}

std::vector<LoadRow> Catalog::open_loads() {
  std::vector<LoadRow> open;
  session_->db.query(
      std::string(kLoadColumns) + "WHERE project_id = :project AND closed_at IS NULL ORDER BY id",
      {session_->project}, [&](const Row& row) { open.push_back(load_in(row)); });
  return open;
}

std::vector<LoadRow> Catalog::close_dead_loads() {
  // Looked at before the transaction: with nothing to close, nobody waits for the write lock.
  std::vector<LoadRow> closed;
  for (const LoadRow& seen : open_loads()) {
    if (!is_abandoned(*session_, seen)) continue;
    Transaction transaction(session_->db);
    const auto load = find_load(*session_, seen.id);
    if (load && !load->closed_at && load->holder == seen.holder &&
        load->renewed_at == seen.renewed_at) {
      close_dead(*session_, *load);
      const auto holding = holding_of(*session_, load->ingestion, load->day);
      if (!holding || holding->held_load != load->id) closed.push_back(*load);
    }
    transaction.commit();
  }
  return closed;
}

std::optional<LoadRow> Catalog::load(const std::string& id) { return find_load(*session_, id); }

bool Catalog::registered(const std::string& load) { return find_load(*session_, load).has_value(); }

}  // namespace millrace::catalog
