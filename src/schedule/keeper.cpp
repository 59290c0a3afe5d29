#include "schedule/keeper.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "model/alert.h"
#include "pipeline/check.h"
#include "pipeline/statements.h"

namespace millrace::schedule {
namespace {

constexpr std::chrono::minutes kRest(30);

bool goes_together(const Action& a, const Action& b) {
  return a.what == b.what && a.trigger == b.trigger && a.waits_for_data == b.waits_for_data;
}

/// The actions that one request can carry, in their order.
std::vector<std::vector<Action>> grouped(const std::vector<Action>& actions) {
  std::vector<std::vector<Action>> groups;
  for (const Action& action : actions) {
    if (groups.empty() || !goes_together(groups.back().front(), action)) groups.emplace_back();
    groups.back().push_back(action);
  }
  return groups;
}

/// Those that a run of the dataset carries.
std::vector<Action> first_loads(const std::vector<Action>& actions) {
  std::vector<Action> first;
  std::ranges::copy_if(actions, std::back_inserter(first), [](const Action& action) {
    return action.what == Action::What::Load && action.trigger == "scheduled";
  });
  return first;
}

/// Who loads a day that has been loaded before does not wait for it.
std::vector<Gate> gates(const Ingestion& ingestion, const Action& action) {
  return action.trigger == "scheduled" ? ingestion.upkeep.schedule.ready : std::vector<Gate>{};
}

std::vector<Day> days_of(const std::vector<Action>& actions) {
  std::vector<Day> days;
  for (const Action& action : actions) days.push_back(action.day);
  return days;
}

/// An error about data may quote it, and an alert travels: it gives the code alone.
std::string text_of(const Ingestion& ingestion, const std::string& day, const Error& error) {
  return fmt::format("{}{}{} could not be checked for changes: {}{}", ingestion.handle,
                     day.empty() ? "" : " ", day, error.what(),
                     error.advice.empty() ? "" : "; " + error.advice);
}

}  // namespace

Done done_of(const Ingestion& ingestion, const catalog::Asked& asked,
             const pipeline::DayOutcome& outcome) {
  const Action action{Action::What::Load, outcome.day, asked.trigger, false};
  return {ingestion.handle, action, outcome, {}, {}};
}

void Rests::rest(const std::string& ingestion, Instant until) {
  const std::lock_guard lock(mutex_);
  until_[ingestion] = until;
}

std::optional<Instant> Rests::until(const std::string& ingestion) const {
  const std::lock_guard lock(mutex_);
  const auto found = until_.find(ingestion);
  return found == until_.end() ? std::nullopt : std::optional(found->second);
}

Keeper::Keeper(pipeline::House& house, Rests& rests, OnDone done, pipeline::OnProgress progress)
    : house_(house),
      rests_(rests),
      done_(std::move(done)),
      progress_(std::move(progress)),
      asked_(
          house,
          [this](const Ingestion& ingestion, const catalog::Asked& asked,
                 const pipeline::DayOutcome& outcome) {
            done_(done_of(ingestion, asked, outcome));
          },
          progress_) {}

void Keeper::look(Instant now) {
  const Zone& zone = house_.project.zone;
  const Day since = zone.day_of(now).plus(-kDaysBack);
  const std::int64_t changes = house_.catalog.changes();
  if (changes == seen_ && since == since_ && unseen_days(kept_, now) == unseen_) return;
  // Where this fails half-way, the next look knows nothing, and reads all.
  seen_ = -1;
  const std::map<std::string, std::int64_t> known_changes = std::exchange(day_changes_, {});
  std::map<std::string, std::int64_t> day_changes = house_.catalog.day_changes();
  std::map<std::string, Kept> before;
  if (since >= since_) {
    for (Kept& one : kept_) before.emplace(one.ingestion, std::move(one));
  }
  kept_.clear();
  ingestions_.clear();
  const auto hours = house_.catalog.dataset_hours();
  const auto paused = house_.catalog.paused();
  for (Ingestion& ingestion : house_.catalog.ingestions()) {
    if (!ingestion.upkeep.enabled || paused.contains(ingestion.id)) continue;
    Kept& one = kept_.emplace_back();
    one.ingestion = ingestion.id;
    one.upkeep = upkeep_of(ingestion, hours);
    one.zone = zone;
    one.shrink_max_percent = ingestion.limits.shrink_max_percent;
    one.is_snapshot = is_snapshot(ingestion.definition);
    ingestions_[ingestion.id] = std::move(ingestion);
  }
  unseen_ = unseen_days(kept_, now);
  auto older = house_.catalog.unsettled_days(since, unseen_);
  auto asked = house_.catalog.asked_days(since);
  const auto times = [](const std::map<std::string, std::int64_t>& counted, const std::string& id) {
    const auto found = counted.find(id);
    return found == counted.end() ? 0 : found->second;
  };
  for (Kept& one : kept_) {
    const auto known = before.find(one.ingestion);
    const bool is_known = known != before.end() &&
                          times(day_changes, one.ingestion) == times(known_changes, one.ingestion);
    look_at_days(one, is_known ? &known->second : nullptr, since);
    std::vector<catalog::KeptDay>& first = older[one.ingestion];
    one.days.insert(one.days.begin(), std::move_iterator(first.begin()),
                    std::move_iterator(first.end()));
    one.asked = std::move(asked[one.ingestion]);
  }
  day_changes_ = std::move(day_changes);
  since_ = since;
  seen_ = changes;
}

void Keeper::look_at_days(Kept& one, Kept* before, Day since) {
  if (before) {
    one.first_ended = before->first_ended;
    one.days = std::move(before->days);
    std::erase_if(one.days, [&](const catalog::KeptDay& day) { return day.state.day < since; });
  } else {
    one.first_ended = house_.catalog.first_ended(one.ingestion);
    one.days = house_.catalog.kept_days(one.ingestion, since);
  }
}

std::vector<Job> Keeper::asked() {
  std::vector<Job> jobs;
  for (catalog::AskedRun& one : house_.catalog.asked_runs()) {
    Job& job = jobs.emplace_back();
    job.kind = one.trigger == "backfill" ? Job::Kind::Backfill : Job::Kind::Call;
    job.ingestion = std::move(one.ingestion);
    job.connection = std::move(one.connection);
    job.reads_most = pipeline::reads_at_once(one.kind);
    job.run = std::move(one.run);
  }
  return jobs;
}

std::vector<Job> Keeper::due() {
  const Instant now = house_.env.now();
  look(now);
  std::vector<Job> jobs;
  std::map<Dataset, std::string> new_runs;
  std::map<std::string, NamedRun> named;
  for (Kept& kept : kept_) {
    kept.rests_until = rests_.until(kept.ingestion);
    std::vector<Action> actions = decide(kept, now);
    if (actions.empty()) continue;
    const Ingestion& ingestion = ingestions_.at(kept.ingestion);
    Job& job = jobs.emplace_back();
    job.ingestion = kept.ingestion;
    job.connection = ingestion.connection;
    job.reads_most = pipeline::reads_at_once(ingestion.kind);
    job.seen = kept.days;
    if (std::vector<Action> first = first_loads(actions); !first.empty()) {
      const auto known = named_.find(kept.ingestion);
      const bool is_named = known != named_.end() && known->second.actions == first;
      std::string& run = is_named ? known->second.run : new_runs[ingestion.definition.dataset];
      if (run.empty()) run = new_id(house_.env);
      job.run = run;
      named[kept.ingestion] = {std::move(first), run};
    }
    job.actions = std::move(actions);
  }
  named_ = std::move(named);
  return jobs;
}

int Keeper::run_asked(std::stop_token drain) {
  int count = 0;
  for (std::vector<Job> jobs = asked(); !jobs.empty() && !drain.stop_requested(); jobs = asked()) {
    count += run(jobs.front(), drain);
  }
  return count;
}

int Keeper::run_all(std::stop_token drain) {
  pipeline::close_dead_loads(house_, drain);
  int count = run_asked(drain);
  for (const Job& job : due()) {
    if (drain.stop_requested()) break;
    count += run(job, drain) + run_asked(drain);
  }
  return count;
}

int Keeper::run(const Job& job, std::stop_token drain) {
  if (job.kind != Job::Kind::Due) return asked_.run(job, drain);
  int count = 0;
  for (const std::vector<Action>& decided : grouped(job.actions)) {
    // Whoever waited for its turn may have been changed, paused or removed meanwhile.
    const auto ingestion = house_.catalog.ingestion_by_id(job.ingestion);
    if (!ingestion || ingestion->archived || !ingestion->upkeep.enabled) return count;
    if (drain.stop_requested() || house_.catalog.paused().contains(job.ingestion)) return count;
    const std::vector<Action> actions = still_due(job, decided);
    if (actions.empty()) continue;
    count += static_cast<int>(actions.size());
    if (actions.front().what == Action::What::Load) {
      load(*ingestion, actions, actions.front().trigger == "scheduled" ? job.run : "");
    } else {
      check(*ingestion, actions);
    }
  }
  return count;
}

std::vector<Action> Keeper::still_due(const Job& job, const std::vector<Action>& actions) {
  std::vector<Action> due;
  for (const Action& action : actions) {
    const auto seen = std::ranges::find_if(
        job.seen, [&](const catalog::KeptDay& day) { return day.state.day == action.day; });
    const auto state = house_.catalog.day(job.ingestion, action.day);
    const bool is_as_seen = seen == job.seen.end()
                                ? !state || state->attempt == Attempt::None
                                : state && state->attempt == seen->state.attempt &&
                                      state->current == seen->state.current &&
                                      state->changed_at == seen->state.changed_at;
    if (is_as_seen) due.push_back(action);
  }
  return due;
}

void Keeper::load(const Ingestion& ingestion, const std::vector<Action>& actions,
                  const std::string& run) {
  const pipeline::LoadRequest request{.ingestion = ingestion,
                                      .days = days_of(actions),
                                      .trigger = actions.front().trigger,
                                      .run = run,
                                      .automatic = true,
                                      .ready = gates(ingestion, actions.front()),
                                      .waits_for_data = actions.front().waits_for_data};
  pipeline::load(house_, request, progress_,
                 [&](const pipeline::DayOutcome& outcome) {
                   Action action = actions.front();
                   action.day = outcome.day;
                   done_({ingestion.handle, action, outcome, {}, {}});
                 },
                 {});
}

void Keeper::raise_not_checked(const Ingestion& ingestion, Day day, const Error& error) {
  if (error.fault == Fault::Cancelled || error.fault == Fault::Conflict) return;
  house_.catalog.raise_alert(ingestion.id, day, kNotChecked, text_of(ingestion, "", error));
}

void Keeper::tell_of_checks(const Ingestion& ingestion, const std::vector<CheckResult>& results) {
  const auto failed = std::ranges::find_if(
      results, [](const CheckResult& result) { return result.error.has_value(); });
  if (failed != results.end()) {
    house_.catalog.renew_alert(ingestion.id, failed->day, kNotChecked,
                               text_of(ingestion, failed->day.text(), *failed->error));
  } else if (!house_.catalog.has_failed_check(ingestion.id)) {
    house_.catalog.clear_alert(ingestion.id, kNotChecked);
  }
}

void Keeper::check(const Ingestion& ingestion, const std::vector<Action>& actions) {
  std::vector<CheckResult> results;
  try {
    results = pipeline::check(house_, ingestion, days_of(actions),
                              pipeline::CheckDepth::AsFollowedUp, {});
  } catch (const Error& error) {
    rests_.rest(ingestion.id, house_.env.now() + kRest);
    raise_not_checked(ingestion, actions.front().day, error);
    done_({ingestion.handle, actions.front(), {}, {}, error});
    return;
  }
  tell_of_checks(ingestion, results);
  std::vector<Action> changed;
  for (const CheckResult& result : results) {
    const Action action{Action::What::Check, result.day, "resync", false};
    done_({ingestion.handle, action, {}, result, result.error});
    if (!result.changed) continue;
    const auto state = house_.catalog.day(ingestion.id, result.day);
    // What a person took back stays, with its known difference.
    const bool is_held = state && (state->flags & kHeld) != 0;
    if (!is_held) changed.push_back({Action::What::Load, result.day, "resync", false});
  }
  if (!changed.empty()) load(ingestion, changed);
}

}  // namespace millrace::schedule
