#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <utility>

#include "api/service.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/housekeeping.h"
#include "cli/outcomes.h"
#include "cli/remote.h"
#include "cli/schedule_table.h"
#include "definition/vault.h"
#include "model/alert.h"
#include "model/json.h"
#include "notify/telling_thread.h"
#include "pipeline/stage_day.h"
#include "schedule/crew.h"
#include "schedule/keeper.h"

namespace millrace::cli {
namespace {

using schedule::Action;
using schedule::Done;

/// Seconds between two looks at the clock.
constexpr std::int64_t kEvery = 15;
/// Between two looks whether somebody asked for a day.
constexpr std::chrono::milliseconds kAskedEvery(50);
/// Between two looks at what waits, and at what a job that ended left to do.
constexpr std::chrono::seconds kLookEvery(1);

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
                                                 {"run", done.loaded ? done.loaded->run : ""},
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

/// Gives the crew what is to be done: at once what somebody asks for, and now and then what is due.
class Looking {
 public:
  Looking(pipeline::House& house, schedule::Crew& crew, std::chrono::seconds every)
      : house_(house), crew_(crew), every_(every), keeper_(house, crew.rests(), write_log) {}

  void until_told_to_stop(std::stop_token stop) {
    do {
      try {
        look();
      } catch (const Error& error) {
        // One look that fails is not the end of the service: the catalog may be busy.
        log::error("could not look at what is due", {{"error", error.what()}});
        house_.env.wait(kLookEvery, stop);
      }
    } while (house_.env.wait(kAskedEvery, stop));
  }

 private:
  void look() {
    const Instant now = house_.env.now();
    const std::int64_t newest = house_.catalog.newest_asked();
    const bool is_time = now >= some_at_;
    if (newest == std::exchange(newest_, newest) && !is_time) return;
    crew_.begin_look();
    // Calls do not wait until a thousand ingestions are decided.
    crew_.offer_asked(keeper_.asked());
    if (!is_time) return;
    some_at_ = now + kLookEvery;
    if (!crew_.take_news() && now < all_at_) return;
    all_at_ = now + every_;
    crew_.offer_due(keeper_.due());
  }

  pipeline::House& house_;
  schedule::Crew& crew_;
  const std::chrono::seconds every_;
  schedule::Keeper keeper_;
  std::int64_t newest_ = -1;  ///< Catalog::newest_asked.
  Instant some_at_{}, all_at_{};
};

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
  {
    schedule::Crew crew(
        house.env,
        {.runs_at_once = configuration.service.runs_at_once,
         .with_house =
             [&](const std::function<void(pipeline::House&)>& work) {
               Home home(context.home.path());
               work(home.house(true));
             },
         .done = write_log,
         .progress = [&service](const Progress& far) { service.progress().at(far); },
         .expects =
             [&service](std::set<std::string> runs) {
               service.progress().expect(std::move(runs));
             }},
        context.stop);
    const std::jthread closing(
        [&] { close_what_died(context.home.path(), crew, every, context.stop); });
    const std::jthread sweeping([&] { keep_swept(context.home.path(), every, context.stop); });
    const std::jthread watching([&] { watch_freshness(context.home.path(), context.stop); });
    Looking(house, crew, every).until_told_to_stop(context.stop);
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
deadline, checks days that ended and loads those that changed, and sweeps once a day. Several
ingestions at the same time: [service] in millrace.toml says how many. Writes one log line an event
to stderr. On SIGTERM or Ctrl-C what has begun is finished, a backfill left for the next start; a
second one ends the process, and loses nothing.)"},
};

}  // namespace

ExitCode load_due(Context& context) {
  pipeline::House& house = context.home.house(true);
  json::Value answers = json::Value::array();
  Table table{{"ingestion", "day", "what", "trigger", "result", "remark"}, {}};
  bool failed = false;
  schedule::Rests rests;
  schedule::Keeper keeper(house, rests, [&](const Done& done) {
    failed = failed || went_wrong(done);
    answers.push_back(done_json(done));
    table.rows.push_back({done.ingestion, done.action.day.text(), what_of(done),
                          done.action.trigger, result_of(done), reason_of(done)});
  });
  keeper.run_all(context.stop);
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
