#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "base/process.h"
#include "catalog/api_key.h"
#include "catalog/asked.h"
#include "catalog/audit.h"
#include "catalog/rows.h"
#include "catalog/tally.h"
#include "catalog/telling.h"
#include "catalog/user.h"
#include "model/version.h"
#include "model/work.h"

namespace millrace::catalog {

struct Session;

/// The right to work on one (ingestion, day). Every write about that day is fenced by `token`.
struct Lease {
  std::string ingestion;
  Day day;
  std::string load;
  std::string token;
  std::string current;  ///< The version that was current when the lease was taken.
  DayState before;      ///< What the day showed then; Attempt::None where nobody had loaded it.
};

/// What one publish, undo, hold or release puts into the store's record.
struct Published {
  std::int64_t seq = 0;  ///< Of the dataset's table.
  Dataset dataset = Dataset::Events;
  std::string record;  ///< The `_publish/<seq>.json` text, complete; empty when told long ago.
};

/// Work that must follow a commit: done idempotently until confirmed, again after every crash.
struct Intent {
  std::int64_t id = 0;
  std::string what;  ///< "publish_record" | "delta"
  Dataset dataset = Dataset::Events;
  std::int64_t seq = 0;
  std::string record;
};

/// How long a lease is respected whose holder is on another machine (or is the asking process
/// itself) and has not renewed it, and how often a holder renews. On its own machine a holder that
/// ended is noticed at once.
inline constexpr std::chrono::minutes kLeaseLasts{10}, kLeaseRenewedEvery{1};

/// How many days may wait at once for being loaded because somebody asked.
inline constexpr std::int64_t kAskedMost = 20'000;
/// How many checks of one day are kept.
inline constexpr std::int64_t kChecksMost = 100;

/// The control plane: which version of each day is current, who works on what, what is owed.
/// SQLite through SOCI: WAL, synchronous=FULL, BEGIN IMMEDIATE, a bounded wait and then a Conflict
/// `catalog_busy` that names the holder. One object per thread; many processes may open one file.
class Catalog {
 public:
  struct Options {
    std::filesystem::path path;
    bool read_only = false;  ///< For questions: opens in milliseconds, never waits for a writer.
    std::chrono::milliseconds wait{10'000};
  };
  /// Makes or migrates the schema; a newer one is a Conflict `newer_schema`.
  Catalog(const Options& options, Env& env);
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // -- the store this catalog belongs to
  std::string store_id();
  /// Forgets the generations of another one.
  void set_store_id(const std::string& id);
  /// Known generations: written before the store's file is put, so a copied or restored catalog
  /// can be told from the one that wrote last.
  void add_generation(std::int64_t number, const std::string& nonce);
  bool knows_generation(std::int64_t number, const std::string& nonce);
  std::int64_t highest_publish(Dataset dataset);

  // -- project, connections, ingestions
  Project project();
  void set_project(const Project& project);
  /// The project's unit types, in order; also those that the API made.
  std::vector<UnitType> unit_types();
  /// A new one of the API's; a name that the project has is a Conflict `name_taken`, one that
  /// differs only by case Misconfigured `unit_type_taken`.
  void add_unit_type(const std::string& name, const std::string& about);
  void describe_unit_type(const std::string& name, const std::string& about);
  /// Only one of the API's that no mapping names. Its name is not used again for something else.
  void retire_unit_type(const std::string& name);
  /// Unit types ever used, also retired ones: a name is never used again for something else.
  std::vector<std::string> unit_types_ever();
  std::vector<Connection> connections();
  std::optional<Connection> connection(const std::string& name);
  void put_connection(const Connection& connection);
  void remove_connection(const std::string& name);
  std::vector<Ingestion> ingestions(bool archived = false);
  /// By handle, by name where unambiguous, or `kind/dataset/name`. Throws Misconfigured
  /// `unknown_ingestion` with the nearest handle, or `ambiguous_ingestion` naming the candidates.
  Ingestion ingestion(const std::string& name);
  std::optional<Ingestion> ingestion_by_id(const std::string& id);
  /// Creates (id empty), revives an archived one of the same (kind, dataset, name), or updates.
  /// Stores the definition's revision. Returns it with its id. A name that another one bears is a
  /// Conflict `name_taken`; the dataset never changes (Misconfigured `dataset_fixed`).
  Ingestion put_ingestion(Ingestion ingestion);
  /// Id, name and days stay; nothing new is loaded.
  void archive_ingestion(const std::string& id);
  /// Forgets days and versions as well; their files are garbage after the retention. A load that
  /// is under way is a Conflict `day_busy`.
  std::vector<Published> remove_ingestion(const std::string& id);
  /// The address of the user who set it up; empty where it was none, or one no longer active.
  std::string creator(const Ingestion& ingestion);
  /// Of its definition; where the audit log knows none, what made it, by nobody.
  LastChange last_change(const Ingestion& ingestion);
  std::optional<Definition> definition(const std::string& revision);
  /// Nothing automatic happens to it, and what is asked for waits, until it is resumed. False when
  /// that was so already. `why` is for people.
  bool pause(const std::string& ingestion, const std::string& why);
  bool resume(const std::string& ingestion);
  std::map<std::string, Paused> paused();
  /// Of each ingestion that has any.
  std::map<std::string, EndedDays> ended_days();
  std::optional<Day> first_ended(const std::string& ingestion);
  /// Those of one ingestion in a range, in order.
  std::vector<Day> ended_days(const std::string& ingestion, DayRange range);
  /// How many of each ingestion lie before a day: a walk through all there are.
  std::map<std::string, std::int64_t> count_ended(Day before);
  /// Raises it, unless the ingestion has an open one of this sort. True when it is new.
  bool raise_alert(const std::string& ingestion, Day day, const std::string& what,
                   const std::string& text);
  /// The same, but an open one for another day gives way to it, and one for this day gets the text.
  bool renew_alert(const std::string& ingestion, Day day, const std::string& what,
                   const std::string& text);
  /// True when one was open.
  bool clear_alert(const std::string& ingestion, const std::string& what);
  /// Those that stand.
  std::vector<Alert> open_alerts();
  /// Days whose current version carries another revision than the ingestion's.
  std::vector<Day> stale_days(const std::string& ingestion);

  // -- loads
  /// Registers the load and takes the day's lease, in one transaction. A living holder is a
  /// Conflict `day_busy` that says who; a dead one's lease is taken over and its load closed. A
  /// holder on another machine counts as dead when it has not renewed for `kLeaseLasts`.
  Lease begin_load(const std::string& ingestion, Day day, const std::string& revision,
                   const std::string& run, const std::string& trigger);
  /// Takes the lease again for the day's held load, so that `publish` may follow. Misconfigured
  /// `nothing_held` when none waits. `fail_load` puts it back among the waiting.
  Lease accept_load(const std::string& ingestion, Day day);
  /// Says that this process still works on these loads.
  void renew_leases(const std::vector<std::string>& loads);
  /// What the held load sealed.
  std::optional<Manifest> held_manifest(const std::string& ingestion, Day day);
  /// Ends the load without a version; the current version stays. Frees the lease. Does nothing when
  /// the lease was lost: whoever took it over has closed the load.
  void fail_load(const Lease& lease, Attempt attempt, const Error& error);
  /// Ends a load that came to nothing as if it had not begun: the day shows what it showed.
  void give_back(const Lease& lease);
  /// Ends it held: staged files wait under the load's id.
  Published hold_load(const Lease& lease, const Manifest& manifest, const std::string& reason);
  /// One transaction, fenced by the lease and by `lease.current`; zero rows is a Conflict
  /// `lost_lease` and changes nothing. Sets the version current, writes state, ledger and intents;
  /// `parent` and `published_at` are filled in here. The same load twice is the same result. A
  /// (metric, unit type) of this day that another ingestion delivers, archived ones included, is a
  /// Conflict `metric_delivered_twice` naming both; rows that `budget` does not allow any more are
  /// Misconfigured `over_budget`, whoever else publishes at the same time.
  Published publish(const Lease& lease, const Version& version, unsigned flags,
                    const std::string& note, const std::optional<RowBudget>& budget = {});
  /// The seq under which a load was published, if it was: how a lost COMMIT answer is resolved.
  std::optional<std::int64_t> published_seq(const std::string& load);
  /// Marks the open loads of these days as to be ended, and closes what is asked for them as
  /// cancelled. Nothing for `day` or `run` means any. Returns the open loads; whoever holds one
  /// ends it within seconds.
  struct CancelWanted {
    std::vector<LoadRow> loads;
    std::int64_t asked = 0;  ///< Days that had not begun.
  };
  CancelWanted want_cancel(const std::string& ingestion, std::optional<Day> day,
                           const std::string& run);
  /// Whether one of these loads is to be ended.
  bool is_cancel_wanted(const std::vector<std::string>& loads);
  std::vector<LoadRow> open_loads();
  /// Closes loads whose holder is certainly gone; returns those whose staging is of no use (all but
  /// held ones).
  std::vector<LoadRow> close_dead_loads();
  std::optional<LoadRow> load(const std::string& id);

  // -- days and versions
  std::optional<DayState> day(const std::string& ingestion, Day day);
  std::vector<DayRow> days(const std::string& ingestion, std::optional<DayRange> range = {});
  /// Grows whenever anybody may have changed the catalog: for who remembers what was read. Asked
  /// before reading.
  std::int64_t changes();
  /// By ingestion, how often its days were changed: who remembers days reads them again where this
  /// is another number than before reading. None where they never were.
  std::map<std::string, std::int64_t> day_changes();
  /// The ingestion's days from `since` on, in order.
  std::vector<KeptDay> kept_days(const std::string& ingestion, Day since);
  /// Of every enabled ingestion, in order: its days before `before` that are `unseen`, or that
  /// ended then and are not settled: the last attempt failed or waits, a check failed, the source
  /// moved.
  std::map<std::string, std::vector<KeptDay>> unsettled_days(Day before,
                                                             const std::vector<Unseen>& unseen);
  std::optional<Version> version(const std::string& id);
  /// All versions of a day, newest first.
  std::vector<Version> history(const std::string& ingestion, Day day);
  /// Its files are deleted, or will be: nobody can undo to it.
  bool is_swept(const std::string& version);
  /// Makes an older version (empty: the parent of the current one) current again and holds the
  /// day. Misconfigured `nothing_to_undo`, `unknown_version`, `version_swept`.
  Published undo(const std::string& ingestion, Day day, const std::string& to);
  /// Ends the hold; a staged load that waited is garbage now. Misconfigured `not_held`.
  Published release(const std::string& ingestion, Day day);
  /// What a check found; sets or clears kNotRepeatable and kCheckFailed. Only an exact check that
  /// found nothing changed refreshes the day's token, and never on a held day.
  void record_check(const std::string& ingestion, const CheckResult& result,
                    const std::optional<std::string>& token, bool exact);
  std::optional<Checked> last_check(const std::string& ingestion, Day day);
  /// The newest `kChecksMost` of a day, newest first; a rebuilt catalog knows none.
  std::vector<Checked> checks(const std::string& ingestion, Day day);
  /// Those made before.
  void forget_checks(Instant before);
  /// Whether the last check of any day could not ask about it.
  bool has_failed_check(const std::string& ingestion);
  /// The token that the last load or exact check saw; none where the warehouse offers none.
  std::optional<KnownToken> known_token(const std::string& ingestion, Day day);
  /// What ready-gates saw of tables (Certificate::upstream) at the last of the ingestion's loads
  /// that were published before; empty where none looked.
  std::vector<std::pair<std::string, std::string>> upstream_before(const std::string& ingestion,
                                                                   Instant at);
  /// Every file of every current version of a dataset, and the sequence this is true for.
  std::pair<std::int64_t, std::vector<FileEntry>> current_files(Dataset dataset);

  // -- what is owed, what may go
  /// Of one sort, or all.
  std::vector<Intent> intents(std::string_view what = {});
  void confirm(std::span<const Intent> intents);
  std::vector<LedgerEntry> ledger(const std::string& ingestion);
  /// Of all ingestions, also of archived and removed ones, in the order of time.
  std::vector<LedgerEntry> ledger(Interval published);
  /// Billable rows that one has added.
  std::int64_t billed(const std::string& ingestion, Interval published);
  /// What may be deleted, relative to the store's root. Of a version superseded for longer than
  /// `retention`: each file that no retained version names. Of a load that ended without being
  /// published: its staging folder. Open and held loads are spared, and rejected ones until the
  /// retention or the next attempt.
  struct Garbage {
    std::string load, ingestion, path;
    Dataset dataset = Dataset::Events;
    bool staging = false;  ///< `path` is a staging folder.
  };
  std::vector<Garbage> garbage(std::chrono::seconds retention);
  /// The same list, and from now on nobody can undo to a version on it. Call it before deleting;
  /// what it named is named again until `mark_swept` says that it is gone.
  std::vector<Garbage> condemn(std::chrono::seconds retention);
  /// All that the garbage of these loads named is deleted.
  void mark_swept(const std::vector<std::string>& loads);
  /// Files of rejected rows, relative to the store's root, that no version published since then
  /// names.
  std::vector<std::string> old_quarantines(Instant since);
  /// From errors of loads that ended before, what they quote of rows (Error::in_full).
  void forget_quoted_rows(Instant before);
  bool registered(const std::string& load);
  /// True for a registered load that ended without being published and does not wait held: then
  /// whatever bears its id is of no use, also what had its final name before the process died.
  bool is_leftover(const std::string& load);

  // -- people
  /// Creates or changes; a changed password, or `active` taken away, ends the user's sessions. An
  /// address that another one has is a Conflict `name_taken`; to leave no active admin where there
  /// was one is a Conflict `last_admin`.
  void put_user(const User& user);
  std::vector<User> users();
  std::optional<User> user(const std::string& email);
  std::optional<User> user_by_id(const std::string& id);
  void note_sign_in(const std::string& id, std::int64_t failures,
                    std::optional<Instant> locked_until);
  void put_session(const UserSession& made);
  std::optional<UserSession> session(const std::string& digest);
  void remove_session(const std::string& digest);

  // -- secrets of connections, sealed by `definition::Vault`
  void put_secret(const SealedSecret& sealed);
  std::optional<SealedSecret> secret(const std::string& name);
  std::vector<SealedSecret> secrets();
  void remove_secret(const std::string& name);

  // -- who changed what
  /// From now on changes made through this object are noted as this one's.
  void act_as(const Actor& actor);
  /// Every change below notes itself; this is for what is none, such as a refused call.
  void note(const std::string& action, const std::string& name, const std::string& about);
  std::vector<AuditEntry> audit(const AuditFilter& filter);

  // -- what was asked of the service, and by whom; a rebuilt catalog does not know it any more
  void put_key(const ApiKey& key);
  std::vector<ApiKey> keys();
  std::optional<ApiKey> key_with_digest(const std::string& digest);
  void remove_key(const std::string& id);
  void note_key_used(const std::string& id);
  /// Asks for days, and returns the run that each belongs to: `run`, or the one that it joined. A
  /// call takes a day out of a backfill.
  /// More than `kAskedMost` open ones are Unavailable `too_much_asked`.
  std::vector<std::string> ask(const std::string& run, const std::string& ingestion,
                               const std::vector<Day>& days, const std::string& trigger);
  /// The open ones that may begin now, calls before backfills, at most `most`; of all runs, or of
  /// one ingestion in one run.
  std::vector<Asked> asked(std::int64_t most, const std::string& run = {},
                           const std::string& ingestion = {});
  /// Whose days these are, calls before backfills, each in the order in which they were asked.
  std::vector<AskedRun> asked_runs();
  /// Grows when anything is asked for; cheap enough to ask several times a second.
  std::int64_t newest_asked();
  /// False once it has ended, was cancelled, or was called for by somebody else.
  bool is_asked(std::int64_t id);
  /// Days from `first` on that somebody asked for and that are not done, in order.
  std::map<std::string, std::vector<Day>> asked_days(Day first);
  /// It is done: by a load, or, where none could begin, not at all.
  void end_asked(std::int64_t id, const std::optional<Error>& error);
  /// Somebody else works on the day: not before `until`.
  void put_off_asked(std::int64_t id, Instant until);
  /// When a load that a call started last published rows of the day, which was over by then.
  std::optional<Instant> last_called_publish(const std::string& ingestion, Day day);
  /// Whether somebody asked for the day by name, not with a backfill: said that it is ready.
  bool was_called(const std::string& ingestion, Day day);
  /// Ids of runs, newest first.
  std::vector<std::string> runs(std::int64_t limit, std::int64_t skip);
  std::vector<RunDay> run_days(const std::string& run);
  std::vector<Step> steps(const StepFilter& filter);
  /// What the caller was answered under this `Idempotency-Key` within 24 hours.
  std::optional<GivenAnswer> given_answer(const std::string& key, const std::string& name);
  void remember_answer(const std::string& key, const std::string& name, const GivenAnswer& answer);
  /// Until when everything of a dataset was said to be complete; and the hours of their
  /// schedules, where somebody set one.
  std::optional<Instant> complete_until(Dataset dataset);
  void set_complete_until(Dataset dataset, Instant until);
  std::map<Dataset, int> dataset_hours();
  void set_dataset_hour(Dataset dataset, int hour);

  /// One look at all of it: a tenth of a second for some hundred thousand days.
  Tally tally();

  /// Writes a whole copy of the catalog as it stands now, while others go on writing it. Conflict
  /// `file_exists` when something lies there already.
  void back_up(const std::filesystem::path& copy);

  // -- what people are told; a rebuilt catalog tells nothing of what it was rebuilt from
  /// Loads that ended and that nobody has considered telling of, in their order.
  std::vector<Ended> untold(std::int64_t most);
  void mark_told(const std::vector<Ended>& loads);
  /// Every load that ended then.
  std::vector<Ended> ended(Interval at);
  /// Backfills of which no day is open any more.
  std::vector<std::string> untold_backfills();
  void mark_backfill_told(const std::string& run);
  std::vector<IncidentRow> open_incidents();
  void put_incident(const IncidentRow& incident);
  /// Up to when digests have told of everything; nothing before the first look.
  std::optional<Instant> digest_until();
  void set_digest_until(Instant until);
  void post(const Note& note);
  /// The next note that is due, for this process alone until `lease` is over: one that dies in
  /// between leaves it to be sent again, under the same id.
  std::optional<Note> take_note(std::chrono::seconds lease);
  /// How the try went: `next_at`, `sent_at`, `refused_at`, `error_text`.
  void put_note(const Note& note);
  /// The newest first.
  std::vector<Note> notes(bool waiting, std::int64_t most);
  /// Forgets notes that were sent or refused, and incidents that were closed, before.
  void forget_told(Instant before);

  /// Applies one `_publish` record to an empty, older or partly rebuilt catalog, in the order of
  /// `seq`; one that is already in does nothing.
  void replay(Dataset dataset, std::int64_t seq, const std::string& record);

  /// All in one IMMEDIATE transaction, e.g. an apply. What throws inside and is caught inside
  /// changes nothing by itself.
  void atomically(const std::function<void()>& work);

 private:
  std::unique_ptr<Session> session_;
};

}  // namespace millrace::catalog
