#include "pipeline/load.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "model/alert.h"
#include "pipeline/budget.h"
#include "pipeline/judge.h"
#include "pipeline/loadable_days.h"
#include "pipeline/mailbox.h"
#include "pipeline/repeatable.h"
#include "pipeline/stage_day.h"
#include "pipeline/statements.h"
#include "pipeline/tell.h"
#include "pipeline/worker.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {
namespace {

/// A child serves this many days before the next one takes over: start-up is paid rarely, and a
/// killed child loses little.
constexpr std::size_t kDaysPerChild = 31;
/// Where days may be read together: how many of these one statement takes is decided there.
constexpr std::size_t kDaysPerRange = 366;
/// So many days that fail one after the other with one fault, and the next ones would, too.
constexpr int kFailuresAlike = 5;
constexpr std::chrono::seconds kCancelLookedForEvery(1);

/// One request on its way. Children run in threads; everything that touches the catalog or the
/// store runs in the caller's thread.
class LoadRun {
 public:
  LoadRun(House& house, const LoadRequest& request, const OnProgress& progress, const OnDay& done,
          std::stop_token stop)
      : house_(house),
        request_(request),
        progress_(progress),
        done_(done),
        stop_(stop),
        run_(request.run.empty() ? new_id(house.env) : request.run) {
    const std::set<Day> days(request.days.begin(), request.days.end());
    waiting_.assign(days.begin(), days.end());
    revision_ = revision_of(request.ingestion.definition);
  }

  std::vector<DayOutcome> run() {
    const std::size_t jobs = static_cast<std::size_t>(std::max(1, request_.jobs));
    while (running_ < jobs && start_child()) {
    }
    while (running_ > 0) {
      const auto news = mailbox_.take(kCancelLookedForEvery);
      renew_leases();
      look_for_cancel();
      if (news) handle(*news);
      while (running_ < jobs && start_child()) {
      }
    }
    threads_.clear();
    std::sort(outcomes_.begin(), outcomes_.end(),
              [](const DayOutcome& a, const DayOutcome& b) { return a.day < b.day; });
    return std::move(outcomes_);
  }

 private:
  /// A sign of life for those who look from another machine.
  void renew_leases() {
    const Instant now = house_.env.now();
    if (now - renewed_at_ < catalog::kLeaseRenewedEvery) return;
    renewed_at_ = now;
    try_to("renew leases", "", [&] { house_.catalog.renew_leases(loads_under_way()); });
  }

  /// What may fail without anything being lost: the log says so.
  template <typename Work>
  void try_to(const char* what, const std::string& load, const Work& work) const {
    try {
      work();
    } catch (const Error& error) {
      log::warning(std::string("could not ") + what,
                   {{"run", run_}, {"load", load}, {"error", error.what()}});
    }
  }

  /// Somebody, perhaps of another process, wants one of these loads ended: all of this request is.
  void look_for_cancel() {
    const Instant now = house_.env.now();
    if (given_up_ || now - looked_for_cancel_at_ < kCancelLookedForEvery) return;
    looked_for_cancel_at_ = now;
    bool is_wanted = false;
    try_to("look whether somebody cancels", "",
           [&] { is_wanted = house_.catalog.is_cancel_wanted(loads_under_way()); });
    if (!is_wanted) return;
    given_up_ = Error(Fault::Cancelled, "cancelled", "cancelled on request");
    halt_.request_stop();
    for (const Day day : std::exchange(waiting_, {})) report_failure(day, "", *given_up_);
  }

  std::vector<std::string> loads_under_way() const {
    std::vector<std::string> loads;
    for (const auto& [load, lease] : leases_) loads.push_back(load);
    return loads;
  }

  bool may_read_ranges() const {
    return !is_read_day_by_day(request_.ingestion.definition) && request_.ready.empty() &&
           !request_.waits_for_data;
  }

  std::size_t days_per_child() const {
    const std::size_t jobs = static_cast<std::size_t>(std::max(1, request_.jobs));
    if (may_read_ranges()) {
      return std::clamp<std::size_t>((request_.days.size() + jobs - 1) / jobs, 1, kDaysPerRange);
    }
    return std::clamp<std::size_t>(request_.days.size() / (2 * jobs), 1, kDaysPerChild);
  }

  /// Children at the same time take together what one takes alone, as far as rows allow.
  void share(WorkOrder& order) const {
    if (request_.jobs <= 1) return;
    const Budget part = part_among(request_.jobs);
    if (order.threads == 0) order.threads = part.threads;
    if (order.memory_bytes == 0) order.memory_bytes = part.memory_bytes;
  }

  /// False when there is nothing left to start.
  bool start_child() {
    WorkOrder order;
    try {
      order = order_for(house_, request_.ingestion, Verb::Load);
    } catch (const Error& error) {
      // Each of these days has failed, and the catalog says so to those who ask later.
      for (const Day day : std::exchange(waiting_, {})) {
        if (const auto claimed = claim(day)) fail(claimed->load, error);
      }
      return false;
    }
    share(order);
    const std::size_t wanted = days_per_child();
    while (order.days.size() < wanted && !waiting_.empty() && !stop_.stop_requested()) {
      const Day day = waiting_.front();
      waiting_.pop_front();
      if (request_.is_wanted && !request_.is_wanted(day)) continue;
      if (auto claimed = claim(day)) order.days.push_back(std::move(*claimed));
    }
    if (order.days.empty()) return false;
    supervise(std::move(order));
    return true;
  }

  std::optional<DayOrder> claim(Day day) {
    try {
      const auto state = house_.catalog.day(request_.ingestion.id, day);
      if (request_.automatic && state && (state->flags & kHeld) && state->held_load.empty()) {
        report_failure(day, "",
                       Error(Fault::Conflict, "day_held", "the day was taken back by a person",
                             "Release it with `millrace release`, or load it explicitly"));
        return {};
      }
      if (const auto over = budget_.refuses(day, state ? state->current : std::string())) {
        report_failure(day, "", *over);
        return {};
      }
      catalog::Lease lease =
          house_.catalog.begin_load(request_.ingestion.id, day, revision_, run_, request_.trigger);
      DayOrder order;
      order.load = lease.load;
      order.day = day;
      wait_for(request_.ready, order);
      order.waits_for_data = request_.waits_for_data;
      order.is_doubted = is_doubted(house_.catalog, lease.current, revision_, state);
      order.staging = house_.store.stage(request_.ingestion.definition.dataset, lease.load);
      if (day > latest_day(house_)) provisional_.insert(lease.load);
      leases_[lease.load] = std::move(lease);
      return order;
    } catch (const Error& error) {
      report_failure(day, "", error);
      return {};
    }
  }

  /// A call is known here; what it waits for else, the worker finds out. Who is not called need not
  /// wake the warehouse.
  void wait_for(const std::vector<Gate>& gates, DayOrder& order) {
    if (gates.empty()) return;
    const std::string& ingestion = request_.ingestion.id;
    order.upstream =
        house_.catalog.upstream_before(ingestion, house_.project.zone.bounds(order.day).end);
    for (const Gate& gate : gates) {
      if (gate.kind != Gate::Kind::Call) {
        order.ready.push_back(gate);
      } else if (!house_.catalog.was_called(ingestion, order.day)) {
        order.ready.insert(order.ready.begin(), gate);
      }
    }
  }

  void supervise(WorkOrder order) {
    ++running_;
    threads_.emplace_back([this, order = std::move(order)] {
      News last;
      for (const DayOrder& day : order.days) last.ended.push_back(day.load);
      try {
        run_worker(
            order, [this](const json::Value& line) { mailbox_.post({line, {}, {}}); },
            halt_.get_token(), house_.time_most);
      } catch (const Error& error) {
        last.error = error;
      } catch (const std::exception& error) {
        last.error = Error(Fault::Unavailable, "worker_failed", error.what());
      }
      mailbox_.post(std::move(last));
    });
  }

  void handle(const News& news) {
    if (news.ended.empty()) {
      if (news.line.contains("progress")) {
        const Progress progress = json::progress(news.line["progress"]);
        begun_.insert(progress.load);
        if (progress_) progress_(progress);
      } else if (news.line.contains("sealed")) {
        Manifest manifest = json::manifest(news.line["sealed"]);
        manifest.provisional = provisional_.contains(manifest.load);
        publish(manifest);
      } else if (news.line.contains("failed")) {
        const json::Value& failed = news.line["failed"];
        fail(failed.at("load").get<std::string>(), json::error(failed.at("error")));
      }
      return;
    }
    --running_;
    for (const std::string& load : news.ended) {
      if (!leases_.contains(load)) continue;
      fail(load, news.error ? *news.error
                            : Error(Fault::Unavailable, "worker_died",
                                    "the worker ended without sealing the day", "Load it again"));
    }
    try_to_tell_others(house_);
  }

  void publish(const Manifest& manifest) {
    const auto found = leases_.find(manifest.load);
    if (found == leases_.end()) return;
    const catalog::Lease lease = found->second;
    DayOutcome outcome{.day = manifest.day,
                       .load = manifest.load,
                       .run = run_,
                       .certificate = manifest.certificate,
                       .took_ms = manifest.took_ms,
                       .note = manifest.note};
    try {
      if (const auto over = budget_.refuses(manifest.day, manifest.certificate.output_rows)) {
        throw *over;
      }
      const Verdict verdict = judge(house_, request_, lease, manifest);
      if (verdict.error) throw *verdict.error;
      if (!verdict.hold_reason.empty()) {
        house_.catalog.hold_load(lease, manifest, verdict.hold_reason);
        outcome.held = true;
        outcome.attempt = Attempt::Waiting;
        outcome.note = verdict.hold_reason;
      } else {
        outcome.note =
            publish_manifest(house_, request_.ingestion, lease, manifest, {}, budget_.this_month());
        outcome.attempt = manifest.certificate.output_rows > 0 ? Attempt::Loaded : Attempt::Empty;
        budget_.published(manifest.day);
      }
    } catch (const Error& error) {
      // Whoever loads at the same time may have used up what was left a moment ago.
      const auto over = error.code == kOverBudget
                            ? budget_.refuses(manifest.day, manifest.certificate.output_rows)
                            : std::nullopt;
      fail(lease.load, over ? *over : error, manifest.certificate);
      return;
    }
    leases_.erase(found);
    failed_alike_ = 0;
    // The day is published all the same; what is owed is put before the next load.
    try_to("write a publish record yet", lease.load, [&] { put_publish_records(house_); });
    report(std::move(outcome));
  }

  /// `read`: what was found out of the day, where it was read to its end.
  void fail(const std::string& load, const Error& cause, const Certificate& read = {}) {
    const auto found = leases_.find(load);
    if (found == leases_.end()) return;
    const Error& error = given_up_ && cause.fault == Fault::Cancelled ? *given_up_ : cause;
    const catalog::Lease lease = found->second;
    leases_.erase(found);
    if (error.fault == Fault::Cancelled && !begun_.contains(load)) return give_back(lease, error);
    const Attempt attempt = attempt_of(error);
    // Rejected rows stay staged so that a person can look at them; the sweep takes them later.
    // What is staged goes first: on a full disk that makes the room in which to say so.
    if (attempt != Attempt::Rejected) discard(load);
    try_to("close a failed load", load, [&] { house_.catalog.fail_load(lease, attempt, error); });
    report_failure(lease.day, load, error, read);
  }

  /// A day that waited for its turn in a child is as one that no child was given.
  void give_back(const catalog::Lease& lease, const Error& error) {
    discard(lease.load);
    try_to("give a day back", lease.load, [&] { house_.catalog.give_back(lease); });
    if (!stop_.stop_requested()) report_failure(lease.day, "", error);
  }

  void discard(const std::string& load) const {
    try_to("remove what a failed load had staged", load,
           [&] { house_.store.discard(request_.ingestion.definition.dataset, load); });
  }

  void report_failure(Day day, const std::string& load, const Error& error,
                      const Certificate& read = {}) {
    const Attempt attempt = attempt_of(error);
    budget_.not_published(day);
    report({.day = day,
            .attempt = attempt,
            .load = load,
            .run = run_,
            .certificate = read,
            .error = error.at(request_.ingestion.handle + " " + day.text())});
    if (attempt != Attempt::Waiting) give_up_after(error);
  }

  /// A day that is held or busy says nothing about the others.
  void give_up_after(const Error& error) {
    if (given_up_ || error.fault == Fault::Cancelled || error.fault == Fault::Conflict) return;
    failed_alike_ = last_fault_ == error.fault ? failed_alike_ + 1 : 1;
    last_fault_ = error.fault;
    if (failed_alike_ < kFailuresAlike) return;
    given_up_ = error.reworded([](const std::string& text) {
      return fmt::format("not loaded: {} days failed one after the other, the last with: {}",
                         kFailuresAlike, text);
    });
    given_up_->code = "range_stopped";
    given_up_->retry_after.reset();
    if (given_up_->advice.empty()) given_up_->advice = "Mend that, then load these days again";
    halt_.request_stop();
    for (const Day day : std::exchange(waiting_, {})) report_failure(day, "", *given_up_);
  }

  void report(DayOutcome outcome) {
    if (done_) done_(outcome);
    outcomes_.push_back(std::move(outcome));
  }

  House& house_;
  const LoadRequest& request_;
  const OnProgress& progress_;
  const OnDay& done_;
  std::stop_token stop_;
  std::stop_source halt_;  ///< Of the children: by the caller, or because we gave up.
  std::stop_callback<std::function<void()>> forward_{stop_, [this] { halt_.request_stop(); }};
  std::optional<Error> given_up_;
  std::optional<Fault> last_fault_;
  int failed_alike_ = 0;
  std::string run_, revision_;
  MonthBudget budget_{house_, request_.ingestion};
  std::deque<Day> waiting_;
  std::map<std::string, catalog::Lease> leases_;
  std::set<std::string> begun_;        ///< Loads of which their child has told something.
  std::set<std::string> provisional_;  ///< Loads that began before their day was over.
  Instant renewed_at_ = house_.env.now(), looked_for_cancel_at_ = renewed_at_;
  std::vector<DayOutcome> outcomes_;
  Mailbox mailbox_;
  std::size_t running_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace

std::vector<DayOutcome> load(House& house, const LoadRequest& request, const OnProgress& progress,
                             const OnDay& done, std::stop_token stop) {
  require_loadable(house, request);
  close_dead_loads(house, stop);
  // A record that differs means two catalogs on one store; a broken Delta log only means that its
  // readers wait.
  put_publish_records(house);
  try_to_tell_others(house);
  return LoadRun(house, request, progress, done, stop).run();
}

}  // namespace millrace::pipeline
