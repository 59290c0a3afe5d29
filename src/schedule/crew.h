#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/env.h"
#include "schedule/job.h"
#include "schedule/keeper.h"

namespace millrace::schedule {

/// Runners that do jobs side by side, each in a thread with a house of its own: what waits in one
/// warehouse holds up nobody else. Who looks offers what is to be done, as often as it likes; each
/// look takes the place of the one before. Thread-safe.
class Crew {
 public:
  /// Makes a house, does the work in it, and closes it.
  using WithHouse = std::function<void(const std::function<void(pipeline::House&)>&)>;
  struct Options {
    int runs_at_once = 4;
    WithHouse with_house;
    Keeper::OnDone done;  ///< Called by the runners, also at the same time.
    pipeline::OnProgress progress = {};
    /// The runs of what is due that wait or are under way, whenever that changes. Does not wait.
    std::function<void(std::set<std::string>)> expects = {};
  };
  /// When `drain` is requested, what has begun is finished, a backfill left for the next process,
  /// and nothing else begun.
  Crew(Env& env, Options options, std::stop_token drain);
  /// Waits until that is so.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  /// What the runners tell of warehouses.
  Rests& rests() { return rests_; }
  /// Before a look: what ends during it is not begun again because of it.
  void begin_look();
  void offer_asked(std::vector<Job> jobs);
  void offer_due(std::vector<Job> jobs);
  /// Somebody knows that there is more to do than was offered.
  void look_again() { is_news_ = true; }
  bool take_news() { return is_news_.exchange(false); }

 private:
  using Which = std::pair<std::string, Job::Kind>;  ///< An ingestion, and what is done for it.

  void offer(std::vector<Job> jobs, bool due);
  void run();
  std::optional<Job> take();
  void do_it(Keeper& keeper, pipeline::House& house, const Job& job);
  void end(const Job& job);
  void tell_expected();

  Env& env_;
  const Options options_;
  Rests rests_;
  std::atomic<bool> is_news_ = false;
  std::stop_source ending_;

  std::mutex mutex_;  ///< Of what follows.
  std::condition_variable_any changed_;
  std::vector<Job> waiting_, under_way_;
  std::set<Which> ended_;                      ///< Since the look began.
  std::map<std::string, std::int64_t> turns_;  ///< Of backfills, by run: when each had its last.
  std::int64_t turn_ = 0;

  std::stop_callback<std::function<void()>> forward_;
  std::vector<std::jthread> runners_;
};

}  // namespace millrace::schedule
