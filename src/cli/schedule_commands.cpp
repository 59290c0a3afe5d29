#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "api/service.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/outcomes.h"
#include "cli/remote.h"
#include "cli/schedule_table.h"
#include "definition/vault.h"
#include "model/json.h"
#include "notify/telling_thread.h"
#include "pipeline/stage_day.h"
#include "pipeline/sweep.h"
#include "schedule/freshness.h"
#include "schedule/keeper.h"
#include "schedule/missing.h"

namespace millrace::cli {
namespace {

using schedule::Action;
using schedule::Done;

/// Seconds between two looks at the clock.
constexpr std::int64_t kEvery = 15;
/// Between two looks whether somebody asked for a day.
constexpr std::chrono::milliseconds kAskedEvery(50);
constexpr std::chrono::seconds kBackfillEvery(1), kFreshnessEvery(5);
constexpr std::chrono::hours kSweepEvery(24);

/// "loaded", "empty", "waiting", "held", "failed"; of a check "changed", "unchanged", "failed".
std::string result_of(const Done& done) {
  if (done.loaded) {
    return std::string(done.loaded->held ? "held" : name_of(done.loaded->attempt));
  }
  if (done.error) return "failed";
  return done.checked->changed ? "changed" : "unchanged";
}

std::string what_of(const Done& done) { return done.loaded ? "load" : "check"; }

/// Why, in a sentence; empty where all is well.
std::string reason_of(const Done& done) {
  if (done.error) return done.error->what();
  if (done.checked) return done.checked->note;
  return done.loaded->error ? done.loaded->error->what() : done.loaded->note;
}

bool went_wrong(const Done& done) {
  if (done.error) return true;
  return done.loaded && done.loaded->error && done.loaded->error->code != pipeline::kNoDataYet;
}

json::Value done_json(const Done& done) {
  json::Value value{{"ingestion", done.ingestion},
                    {"day", done.action.day.text()},
                    {"what", what_of(done)},
                    {"trigger", done.action.trigger},
                    {"result", result_of(done)}};
  if (done.loaded) value["outcome"] = outcome_json(*done.loaded);
  if (done.checked) value["check"] = json::from(*done.checked);
  if (done.error) value["error"] = json::from(*done.error);
  return value;
}

void write_log(const Done& done) {
  const std::string line = what_of(done) + " ended";
  (went_wrong(done) ? log::warning : log::info)(line,
                                                {{"ingestion", done.ingestion},
                                                 {"day", done.action.day.text()},
                                                 {"trigger", done.action.trigger},
                                                 {"result", result_of(done)},
                                                 {"load", done.loaded ? done.loaded->load : ""},
                                                 {"reason", reason_of(done)}});
}

/// The next first load of anything, for a person who wonders whether the service does something.
std::string next_text(pipeline::House& house) {
  std::optional<Instant> next;
  std::int64_t enabled = 0;
  const auto hours = house.catalog.dataset_hours();
  for (const Ingestion& ingestion : house.catalog.ingestions()) {
    if (!ingestion.upkeep.enabled) continue;
    ++enabled;
    for (const Instant at : schedule::next_loads(upkeep_of(ingestion, hours), house.project.zone,
                                                 house.env.now(), 1)) {
      next = std::min(next.value_or(at), at);
    }
  }
  if (enabled == 0) {
    return "no ingestion is enabled: write `enabled = true` into one's table, and apply it";
  }
  return fmt::format("{} kept current; the next day is loaded at {}", counted(enabled, "ingestion"),
                     next ? to_text(*next) : "a call");
}

/// Waits until it is time for the next look or somebody asks; false when told to stop.
bool wait_for_work(schedule::Keeper& keeper, Env& env, std::chrono::seconds every,
                   std::stop_token stop) {
  for (const Instant until = env.now() + every; env.now() < until;) {
    if (!env.wait(kAskedEvery, stop)) return false;
    try {
      if (keeper.is_asked()) return true;
    } catch (const Error& error) {
      log::warning("could not look whether something was asked", {{"error", error.what()}});
    }
  }
  return true;
}

/// The API beside the keeper, unless `--listen none`.
std::unique_ptr<api::HttpServer> listening(const Arguments& arguments, api::Service& service) {
  const std::string listen =
      arguments.has("listen") ? arguments.get("listen") : service.configuration().listen;
  if (listen == "none") return nullptr;
  api::HttpServer::Options options;
  if (!listen.empty()) options.listen = listen;
  options.certificate = service.configuration().tls_certificate;
  options.key = service.configuration().tls_key;
  auto server = std::make_unique<api::HttpServer>(
      options, [&service](const api::Request& request) { return service.answer(request); });
  log::info("listening",
            {{"address", server->address()}, {"tls", server->is_encrypted() ? "yes" : "no"}});
  if (server->is_encrypted()) {
    service.be_encrypted();
  } else if (!server->is_local()) {
    log::warning("keys travel in clear text: set tls_certificate and tls_key under [server]",
                 {{"address", server->address()}});
  }
  return server;
}

/// What is told of, and how, from now on. Secrets are looked for when there is something to send.
notify::Courier::Settings resolved(const definition::Configuration& configuration) {
  return [settings = configuration.notify, home = configuration.home,
          path = configuration.catalog_url] {
    catalog::Catalog catalog({.path = path, .read_only = true}, real_env());
    definition::Vault vault(home, catalog, real_env());
    return definition::resolve(settings, home, vault);
  };
}

/// Everything that was due is done: whatever went wrong did so together.
void tell_people(Context& context) {
  const definition::Configuration& configuration = context.home.configuration();
  NotifySettings settings = configuration.notify;
  settings.gather = std::chrono::seconds(0);
  catalog::Catalog& catalog = context.home.writing();
  try {
    notify::Teller(catalog, configuration.project, settings, real_env()).tick();
    notify::Courier(catalog, resolved(configuration), real_env()).deliver(context.stop);
  } catch (const Error& error) {
    log::warning("could not tell people yet", {{"error", error.what()}});
  }
}

/// Backfills, in a thread and with a catalog of their own: they may take hours, and what is due and
/// called for does not wait for them.
void keep_backfilling(const std::filesystem::path& home_path, std::chrono::seconds every,
                      const pipeline::OnProgress& progress, std::stop_token stop) {
  while (!stop.stop_requested()) {
    try {
      Home home(home_path);
      schedule::AskedLoads backfills(
          home.house(true), catalog::WhichAsked::Backfills,
          [](const Ingestion& ingestion, const catalog::Asked& asked,
             const pipeline::DayOutcome& outcome) {
            write_log(schedule::done_of(ingestion, asked, outcome));
          },
          progress);
      do {
        backfills.run(stop);
      } while (real_env().wait(kBackfillEvery, stop));
    } catch (const Error& error) {
      log::error("could not go on with backfills", {{"error", error.what()}});
      real_env().wait(every, stop);
    }
  }
}

/// What was kept for long enough goes, once a day.
void keep_swept(const std::filesystem::path& home_path, std::chrono::seconds every,
                std::stop_token stop) {
  while (real_env().wait(every, stop)) {
    try {
      Home home(home_path);
      const pipeline::Swept swept =
          pipeline::sweep(home.house(true), false, false, home.configuration().retention);
      log::info("swept", {{"files", std::to_string(swept.removed.size())},
                          {"bytes", std::to_string(swept.bytes)},
                          {"not_ours", std::to_string(swept.foreign.size())}});
    } catch (const std::exception& error) {
      log::warning("could not sweep", {{"error", error.what()}});
    }
    every = kSweepEvery;
  }
}

void look_at_freshness(catalog::Catalog& catalog) {
  for (const schedule::Freshness& news : schedule::watch_freshness(catalog, real_env().now())) {
    (news.is_late ? log::warning : log::info)(
        news.is_late ? "a day is late" : "a late day is there",
        {{"ingestion", news.ingestion}, {"day", news.day.text()}, {"text", news.text}});
  }
}

/// Days that nothing will load by itself: a walk through all there are.
void look_for_left_out(catalog::Catalog& catalog) {
  for (const schedule::LeftOut& news : schedule::watch_left_out(catalog, real_env().now())) {
    log::warning("days are left out", {{"ingestion", news.ingestion}, {"text", news.text}});
  }
}

/// Tells whose newest day is late, however that came about: beside everything else that runs.
void watch_freshness(const std::filesystem::path& home_path, std::stop_token stop) {
  while (!stop.stop_requested()) {
    try {
      Home home(home_path);
      catalog::Catalog catalog({.path = home.catalog_path()}, real_env());
      // Days are late by a minute of the clock, or because of what somebody changed.
      std::int64_t changes = -1;
      Instant looked{};
      while (real_env().wait(kFreshnessEvery, stop)) {
        const Instant minute = std::chrono::floor<std::chrono::minutes>(real_env().now());
        const std::int64_t seen = catalog.changes();
        const bool is_later = minute != std::exchange(looked, minute);
        if (is_later) look_for_left_out(catalog);
        if (seen != std::exchange(changes, seen) || is_later) look_at_freshness(catalog);
      }
    } catch (const Error& error) {
      log::warning("could not look whether days are late", {{"error", error.what()}});
      real_env().wait(kFreshnessEvery, stop);
    }
  }
}

ExitCode serve(Context& context, const Arguments& arguments) {
  const std::chrono::seconds every(arguments.number("every", kEvery));
  log::tell_what_is_done();
  pipeline::House& house = context.home.house(true);
  api::Service service(context.home.configuration(), real_env());
  service.run_commands_with(runner_in(context.home.path()));
  const auto server = listening(arguments, service);
  const std::stop_callback draining(context.stop, [&service] { service.drain(); });
  const definition::Configuration& configuration = context.home.configuration();
  const notify::TellingThread telling({.path = configuration.catalog_url}, configuration.project,
                                      configuration.notify, resolved(configuration), real_env());
  if (notify::targets_of({}, configuration.notify).empty()) {
    log::info("nobody is told of days that fail: set [project] owner and [notify.smtp]");
  }
  log::info("started", {{"home", context.home.path().string()}});
  log::info(next_text(house));
  const pipeline::OnProgress progress = [&service](const Progress& far) {
    service.progress().at(far);
  };
  {
    const std::jthread backfilling(
        [&] { keep_backfilling(context.home.path(), every, progress, context.stop); });
    const std::jthread sweeping([&] { keep_swept(context.home.path(), every, context.stop); });
    const std::jthread watching([&] { watch_freshness(context.home.path(), context.stop); });
    schedule::Keeper keeper(house, catalog::WhichAsked::Calls, write_log, progress);
    do {
      try {
        keeper.tick(context.stop);
      } catch (const Error& error) {
        // One look that fails is not the end of the service: the catalog may be busy, the disk
        // full.
        log::error("could not look at what is due", {{"error", error.what()}});
      }
    } while (wait_for_work(keeper, house.env, every, context.stop));
  }
  service.progress().end();
  log::info("stopped: what had begun was finished, but for backfills, which go on later");
  return kDone;
}

const Command kCommands[] = {
    {"schedule",
     "When each ingestion is loaded next, how it is followed up, and what is paused",
     {{"NAME", "Only this ingestion", Option::Kind::OptionalArgument, "ingestion"}},
     show_schedule},
    {"serve",
     "Keep every enabled ingestion current, until told to stop",
     {{"every", "Seconds between two looks at what is due (default 15)", Option::Kind::Value,
       "number"},
      {"listen", "Where the API answers (default 127.0.0.1:8080; none: nowhere)",
       Option::Kind::Value, "address"}},
     serve,
     R"(Loads each day when its schedule says so, looks again at days without rows until the
deadline, checks days that ended and loads those that changed, and sweeps once a day. Writes one
log line an event to stderr. On SIGTERM or Ctrl-C what has begun is finished, a backfill left for
the next start; a second one ends the process, and loses nothing.)"},
};

}  // namespace

ExitCode load_due(Context& context) {
  pipeline::House& house = context.home.house(true);
  json::Value answers = json::Value::array();
  Table table{{"ingestion", "day", "what", "trigger", "result", "remark"}, {}};
  bool failed = false;
  schedule::Keeper keeper(house, catalog::WhichAsked::All, [&](const Done& done) {
    failed = failed || went_wrong(done);
    answers.push_back(done_json(done));
    table.rows.push_back({done.ingestion, done.action.day.text(), what_of(done),
                          done.action.trigger, result_of(done), reason_of(done)});
  });
  keeper.tick(context.stop);
  look_for_left_out(house.catalog);
  look_at_freshness(house.catalog);
  tell_people(context);
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (table.rows.empty()) {
    context.terminal.say("Nothing is due: " + next_text(house));
  } else {
    context.terminal.print(table);
  }
  return failed ? kSomeDaysFailed : kDone;
}

std::span<const Command> schedule_commands() { return kCommands; }

}  // namespace millrace::cli
