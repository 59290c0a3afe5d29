#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "catalog/catalog.h"
#include "model/json.h"
#include "model/work.h"

namespace millrace::api {

/// What happens to runs and days, as server-sent events for any number of readers up to
/// `kStreamsMost`. Loads of every process are seen in the catalog, when they begin and end; those
/// of this one also tell how far they are. While somebody reads, a thread of its own looks four
/// times a second. Bounded: what a slow reader has not fetched is forgotten, and it begins anew.
/// Thread-safe.
class ProgressFeed {
 public:
  static constexpr int kStreamsMost = 32;
  /// A stream is over after this time: who reads on proves the key again.
  static constexpr std::chrono::minutes kStreamLasts{15};
  /// After so long without an event a stream says so, lest somebody on the way cuts it off.
  static constexpr std::chrono::seconds kHeartbeat{15};

  ProgressFeed(std::filesystem::path catalog, Env& env);
  ~ProgressFeed();
  ProgressFeed(const ProgressFeed&) = delete;
  ProgressFeed& operator=(const ProgressFeed&) = delete;

  /// How far a load of this process is. Never waits for a reader.
  void at(const Progress& progress);
  /// The runs of which this process will begin further days: none of them ends before that.
  void expect(std::set<std::string> runs);
  /// Gives what there is to send: an empty text while there is nothing, nothing when it is over.
  /// Never waits. Goes on after the event `last_id` where that is still known.
  using Stream = std::function<std::optional<std::string>()>;
  /// Unavailable `too_many_streams`. The feed outlives it.
  Stream stream(const std::string& last_id);
  /// Looks a last time; streams are over once they have told what it saw.
  void end();

 private:
  class Reader;
  struct Run {
    std::string ingestion, trigger;
    Instant looked_at;  ///< Whether it has ended.
  };

  void watch(const std::stop_token& stop);
  void begin_anew(catalog::Catalog& catalog);
  void look(catalog::Catalog& catalog);
  void tell_started(catalog::Catalog& catalog, const catalog::LoadRow& load);
  void tell_ended(const catalog::Ended& load);
  void tell_moved();
  void tell_ended_runs(catalog::Catalog& catalog, const std::set<std::string>& touched);
  void tell(std::string_view what, const json::Value& data);
  json::Value running_now() const;

  const std::filesystem::path catalog_;
  Env& env_;

  // Only the watching thread looks at these two.
  std::map<std::string, Run> runs_;                 ///< Begun, and not known to have ended.
  std::set<std::pair<Instant, std::string>> told_;  ///< Loads that ended lately.

  mutable std::mutex mutex_;  ///< Of what follows.
  std::condition_variable_any wanted_;
  int readers_ = 0;
  Instant read_at_;          ///< When somebody read last.
  bool is_current_ = false;  ///< `events_` and `under_way_` are kept up.
  bool is_over_ = false;
  std::string epoch_;  ///< The first half of every id, until nobody reads for a while.
  std::deque<std::string> events_;
  std::size_t bytes_ = 0;                         ///< Of `events_`.
  std::int64_t last_ = 0;                         ///< The newest one's number.
  std::map<std::string, json::Value> under_way_;  ///< By load; only the watching thread writes.
  std::map<std::string, Progress> moved_;         ///< Since the last look.
  std::set<std::string> expected_;                ///< Runs, see `expect`.
  std::jthread thread_;
};

}  // namespace millrace::api
