#include "schedule/crew.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/log.h"

namespace millrace::schedule {
namespace {

constexpr std::chrono::seconds kBetweenTries(5);

bool is_due(const Job& job) { return job.kind == Job::Kind::Due; }

}  // namespace

Crew::Crew(Env& env, Options options, std::stop_token drain)
    : env_(env),
      options_(std::move(options)),
      forward_(std::move(drain), [this] { ending_.request_stop(); }) {
  for (int i = 0; i < options_.runs_at_once; ++i) runners_.emplace_back([this] { run(); });
}

Crew::~Crew() {
  ending_.request_stop();
  runners_.clear();
}

void Crew::begin_look() {
  const std::lock_guard lock(mutex_);
  ended_.clear();
}

void Crew::offer_asked(std::vector<Job> jobs) { offer(std::move(jobs), false); }
void Crew::offer_due(std::vector<Job> jobs) { offer(std::move(jobs), true); }

void Crew::offer(std::vector<Job> jobs, bool due) {
  const std::lock_guard lock(mutex_);
  std::erase_if(waiting_, [&](const Job& job) { return is_due(job) == due; });
  std::erase_if(jobs, [&](const Job& job) { return ended_.contains({job.ingestion, job.kind}); });
  // A backfill that had its turn lets others have theirs.
  const auto last_turn = [&](const Job& job) {
    const auto found = turns_.find(job.run);
    return found == turns_.end() ? 0 : found->second;
  };
  if (!due) std::ranges::stable_sort(jobs, {}, last_turn);
  std::ranges::move(jobs, std::back_inserter(waiting_));
  tell_expected();
  changed_.notify_all();
}

/// One that begins goes from those that wait to those under way.
void Crew::tell_expected() {
  if (!options_.expects) return;
  std::set<std::string> runs;
  for (const auto* jobs : {&waiting_, &under_way_}) {
    for (const Job& job : *jobs) {
      if (is_due(job)) runs.insert(job.run);
    }
  }
  options_.expects(std::move(runs));
}

void Crew::run() {
  const std::stop_token ending = ending_.get_token();
  while (!ending.stop_requested()) {
    try {
      options_.with_house([this](pipeline::House& house) {
        Keeper keeper(house, rests_, options_.done, options_.progress);
        while (const auto job = take()) do_it(keeper, house, *job);
      });
    } catch (const std::exception& error) {
      log::error("a runner could not begin", {{"error", error.what()}});
      env_.wait(kBetweenTries, ending);
    }
  }
}

std::optional<Job> Crew::take() {
  const std::stop_token ending = ending_.get_token();
  std::unique_lock lock(mutex_);
  std::optional<std::size_t> place;
  changed_.wait(lock, ending, [&] {
    place = next_job(waiting_, under_way_, options_.runs_at_once);
    return place.has_value();
  });
  if (ending.stop_requested()) return {};
  const auto found = waiting_.begin() + static_cast<std::ptrdiff_t>(*place);
  Job job = std::move(*found);
  waiting_.erase(found);
  job.reads = reads_for(job, waiting_, under_way_, options_.runs_at_once);
  if (job.kind == Job::Kind::Backfill) turns_[job.run] = ++turn_;
  under_way_.push_back(job);
  return job;
}

void Crew::do_it(Keeper& keeper, pipeline::House& house, const Job& job) {
  try {
    {
      const std::lock_guard lock(mutex_);
      int reads = 0;
      for (const Job& one : under_way_) reads += one.reads;
      pipeline::share(house, reads);
    }
    keeper.run(job, ending_.get_token());
  } catch (const std::exception& error) {
    // One that fails is not the end of the service: the catalog may be busy, the disk full.
    log::error("could not do what is due",
               {{"ingestion", job.ingestion}, {"run", job.run}, {"error", error.what()}});
  }
  end(job);
}

void Crew::end(const Job& job) {
  const std::lock_guard lock(mutex_);
  const auto is_same = [&](const Job& other) {
    return other.ingestion == job.ingestion && other.kind == job.kind;
  };
  std::erase_if(under_way_, is_same);
  // What was decided of it meanwhile did not know how it would end.
  if (is_due(job)) std::erase_if(waiting_, is_same);
  ended_.insert({job.ingestion, job.kind});
  tell_expected();
  changed_.notify_all();
}

}  // namespace millrace::schedule
