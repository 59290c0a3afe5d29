#include "pipeline/load.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "model/alert.h"
#include "pipeline/budget.h"
#include "pipeline/claim_days.h"
#include "pipeline/judge.h"
#include "pipeline/loadable_days.h"
#include "pipeline/mailbox.h"
#include "pipeline/stage_day.h"
#include "pipeline/statements.h"
#include "pipeline/tell.h"
#include "pipeline/worker.h"

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
  }

  std::vector<DayOutcome> run() {
    const std::size_t jobs = static_cast<std::size_t>(std::max(1, request_.jobs));
    while (running_ < jobs && start_child()) {
    }
    while (running_ > 0) {
      const std::deque<News> news = mailbox_.take(kCancelLookedForEvery);
      renew_leases();
      look_for_cancel();
      handle(news);
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
      const std::vector<Day> days(waiting_.begin(), waiting_.end());
      waiting_.clear();
      for (const DayOrder& day : claim(days)) fail(day.load, error);
      return false;
    }
    share(order);
    const std::size_t wanted = days_per_child();
    std::vector<Day> days;
    while (days.size() < wanted && !waiting_.empty() && !stop_.stop_requested()) {
      const Day day = waiting_.front();
      waiting_.pop_front();
      if (!request_.is_wanted || request_.is_wanted(day)) days.push_back(day);
    }
    order.days = claim(days);
    stage(order);
    if (order.days.empty()) return !days.empty() && !waiting_.empty();
    supervise(std::move(order));
    return true;
  }

  /// Those that could be claimed; of the others it is told why not.
  std::vector<DayOrder> claim(std::span<const Day> days) {
    Claims claims = claim_days(house_, request_, run_, budget_, days);
    std::vector<DayOrder> orders;
    for (ClaimedDay& day : claims.taken) {
      if (day.is_provisional) provisional_.insert(day.lease.load);
      leases_[day.lease.load] = std::move(day.lease);
      orders.push_back(std::move(day.order));
    }
    for (const auto& [day, error] : claims.refused) report_failure(day, "", error);
    return orders;
  }

  void stage(WorkOrder& order) {
    std::vector<std::string> loads;
    for (const DayOrder& day : order.days) loads.push_back(day.load);
    try {
      const auto folders = house_.store.stage(request_.ingestion.definition.dataset, loads);
      for (std::size_t i = 0; i < folders.size(); ++i) order.days[i].staging = folders[i];
    } catch (const Error& error) {
      order.days.clear();
      for (const std::string& load : loads) fail(load, error);
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

  /// Days of which it is said that they are sealed before any has failed are published together.
  void handle(const std::deque<News>& news) {
    std::vector<Manifest> sealed;
    for (const News& one : news) {
      if (one.ended.empty() && one.line.contains("sealed")) {
        sealed.push_back(json::manifest(one.line["sealed"]));
        sealed.back().provisional = provisional_.contains(sealed.back().load);
      } else {
        if (!one.line.contains("progress")) publish(std::exchange(sealed, {}));
        handle(one);
      }
    }
    publish(std::move(sealed));
  }

  void handle(const News& news) {
    if (news.ended.empty()) {
      if (news.line.contains("progress")) {
        const Progress progress = json::progress(news.line["progress"]);
        begun_.insert(progress.load);
        if (progress_) progress_(progress);
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

  void publish(std::vector<Manifest> sealed) {
    std::vector<SealedDay> days;
    for (Manifest& manifest : sealed) {
      if (!leases_.contains(manifest.load)) continue;
      SealedDay day{.lease = leases_.at(manifest.load), .manifest = std::move(manifest)};
      if (passes(day)) days.push_back(std::move(day));
    }
    if (days.empty()) return;
    publish_days(house_, request_.ingestion, days, budget_.this_month());
    // They are published all the same; what is owed is put before the next load.
    try_to("write a publish record yet", days.front().lease.load,
           [&] { put_publish_records(house_); });
    for (const SealedDay& day : days) {
      const Certificate& certificate = day.manifest.certificate;
      if (day.error) {
        // Whoever loads at the same time may have used up what was left a moment ago.
        const auto over = day.error->code == kOverBudget
                              ? budget_.refuses(day.manifest.day, certificate.output_rows)
                              : std::nullopt;
        fail(day.lease.load, over ? *over : *day.error, certificate);
        continue;
      }
      leases_.erase(day.lease.load);
      budget_.published(day.manifest.day);
      report_sealed(day, certificate.output_rows > 0 ? Attempt::Loaded : Attempt::Empty, day.note);
    }
  }

  /// Whether it is to be published; else it is held, or has failed.
  bool passes(const SealedDay& day) {
    const Manifest& manifest = day.manifest;
    try {
      if (const auto over = budget_.refuses(manifest.day, manifest.certificate.output_rows)) {
        throw *over;
      }
      const Verdict verdict = judge(house_, request_, day.lease, manifest);
      if (verdict.error) throw *verdict.error;
      if (verdict.hold_reason.empty()) return true;
      house_.catalog.hold_load(day.lease, manifest, verdict.hold_reason);
      leases_.erase(manifest.load);
      try_to("write a publish record yet", manifest.load, [&] { put_publish_records(house_); });
      report_sealed(day, Attempt::Waiting, verdict.hold_reason);
    } catch (const Error& error) {
      fail(day.lease.load, error, manifest.certificate);
    }
    return false;
  }

  void report_sealed(const SealedDay& day, Attempt attempt, const std::string& note) {
    failed_alike_ = 0;
    report({.day = day.manifest.day,
            .attempt = attempt,
            .held = attempt == Attempt::Waiting,
            .load = day.lease.load,
            .run = run_,
            .certificate = day.manifest.certificate,
            .took_ms = day.manifest.took_ms,
            .note = note});
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
  std::string run_;
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
