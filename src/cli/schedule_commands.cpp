#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/service.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/outcomes.h"
#include "model/json.h"
#include "notify/telling_thread.h"
#include "pipeline/stage_day.h"
#include "schedule/keeper.h"

namespace millrace::cli {
namespace {

using schedule::Action;
using schedule::Done;

/// Seconds between two looks at the clock.
constexpr std::int64_t kEvery = 15;
/// Between two looks whether somebody asked for a day.
constexpr std::chrono::milliseconds kAskedEvery(250);

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
  for (const Ingestion& ingestion : house.catalog.ingestions()) {
    if (!ingestion.upkeep.enabled) continue;
    ++enabled;
    for (const Instant at :
         schedule::next_loads(ingestion.upkeep, house.project.zone, house.env.now(), 1)) {
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
  auto server = std::make_unique<api::HttpServer>(
      options, [&service](const api::Request& request) { return service.answer(request); });
  log::info("listening", {{"address", server->address()}});
  if (!server->is_local()) {
    log::warning("keys travel in clear text: put a proxy with TLS in front of this address",
                 {{"address", server->address()}});
  }
  return server;
}

/// What is told of, and how, from now on. Secrets are looked for when there is something to send.
notify::Courier::Settings resolved(const definition::Configuration& configuration) {
  return [settings = configuration.notify, home = configuration.home] {
    return definition::resolve(settings, home);
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

ExitCode serve(Context& context, const Arguments& arguments) {
  const std::chrono::seconds every(arguments.number("every", kEvery));
  log::tell_what_is_done();
  pipeline::House& house = context.home.house(true);
  api::Service service(context.home.configuration(), real_env());
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
  schedule::Keeper keeper(house, write_log);
  do {
    try {
      keeper.tick(context.stop);
    } catch (const Error& error) {
      // One look that fails is not the end of the service: the catalog may be busy, the disk full.
      log::error("could not look at what is due", {{"error", error.what()}});
    }
  } while (wait_for_work(keeper, house.env, every, context.stop));
  log::info("stopped: what had begun was finished");
  return kDone;
}

const Command kCommands[] = {
    {"serve",
     "Keep every enabled ingestion current, until told to stop",
     {{"every", "Seconds between two looks at what is due (default 15)", Option::Kind::Value,
       "number"},
      {"listen", "Where the API answers (default 127.0.0.1:8080; none: nowhere)",
       Option::Kind::Value, "address"}},
     serve,
     R"(Loads each day when its schedule says so, looks again at days without rows until the
deadline, checks days that ended and loads those that changed. Writes one log line an event to
stderr. On SIGTERM or Ctrl-C what has begun is finished; a second one ends the process, and loses
nothing.)"},
};

}  // namespace

ExitCode load_due(Context& context) {
  pipeline::House& house = context.home.house(true);
  json::Value answers = json::Value::array();
  Table table{{"ingestion", "day", "what", "trigger", "result", "remark"}, {}};
  bool failed = false;
  schedule::Keeper keeper(house, [&](const Done& done) {
    failed = failed || went_wrong(done);
    answers.push_back(done_json(done));
    table.rows.push_back({done.ingestion, done.action.day.text(), what_of(done),
                          done.action.trigger, result_of(done), reason_of(done)});
  });
  keeper.tick(context.stop);
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
