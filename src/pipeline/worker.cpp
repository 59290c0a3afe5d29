#include "pipeline/worker.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/process.h"
#include "base/quoted.h"
#include "pipeline/check_day.h"
#include "pipeline/replay_day.h"
#include "pipeline/sample.h"
#include "pipeline/stage_day.h"
#include "pipeline/stage_range.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {
namespace {

/// What a worker that was asked to stop may take to end what it started at the warehouse; a little
/// less than what its parent waits for it.
constexpr std::chrono::milliseconds kTimeToStop{2000}, kWorkerPatience{2500};

/// The child's voice: one JSON object a line, whole lines only.
class Voice {
 public:
  void say(const json::Value& line) {
    const std::string text =
        line.dump(-1, ' ', false, json::Value::error_handler_t::replace) + "\n";
    const std::lock_guard lock(mutex_);
    std::cout << text << std::flush;
  }

 private:
  std::mutex mutex_;
};

/// One order in its session.
class Work {
 public:
  Work(const WorkOrder& order, Voice& voice, std::stop_token stop)
      : order_(order), voice_(voice), stop_(stop) {}

  json::Value run() {
    if (order_.verb == Verb::Replay) return replay();
    connector_ = warehouse::kind_named(order_.kind).open({order_.settings, order_.roots});
    switch (order_.verb) {
      case Verb::Probe:
        return json::from(connector_->probe(stop_));
      case Verb::Browse:
        return listed(connector_->browse(order_.text, stop_));
      case Verb::Columns:
        return listed(connector_->columns(order_.text, stop_));
      case Verb::Describe:
        return listed(connector_->describe(query(), day(), stop_));
      case Verb::Sample:
        return sample_rows(order_, *connector_, stop_);
      case Verb::Scalar:
        return scalar();
      case Verb::Count:
        return count();
      case Verb::Check:
        return check_days();
      case Verb::Load:
        return load_days();
      case Verb::Validate:
        return validate();
      case Verb::Cancel:
        return cancel();
      case Verb::Replay:
        break;
    }
    return nullptr;
  }

 private:
  template <class T>
  static json::Value listed(const std::vector<T>& items) {
    json::Value list = json::Value::array();
    for (const T& item : items) list.push_back(json::from(item));
    return list;
  }

  Query query() const { return query_of(order_.definition, order_.ingestion); }
  Day day() const { return order_.days.empty() ? Day() : order_.days.front().day; }

  json::Value scalar() {
    const auto value =
        connector_->scalar(order_.text, day(), Zone::named(order_.definition.zone), stop_);
    return value ? json::Value(*value) : json::Value(nullptr);
  }

  json::Value count() {
    json::Value list = json::Value::array();
    const DayRange days{order_.days.front().day, order_.days.back().day};
    for (const DayCount& one : connector_->count(query(), days, order_.text == "name", stop_)) {
      list.push_back({{"day", one.day.text()}, {"name", one.name}, {"rows", one.rows}});
    }
    return list;
  }

  json::Value check_days() {
    const auto checked = [this](const CheckResult& result,
                                const std::optional<std::string>& token) {
      json::Value line{{"result", json::from(result)}};
      if (result.error) line["result"]["error"] = json::whole(*result.error);
      if (token) line["token"] = *token;
      voice_.say({{"checked", line}});
    };
    pipeline::check_days(order_, *connector_, tell(), checked, stop_);
    return nullptr;
  }

  json::Value load_days() {
    stage_days(
        order_, *connector_, tell(),
        [this](const Manifest& manifest) { voice_.say({{"sealed", json::from(manifest)}}); },
        [this](const DayOrder& day, const Error& error) {
          voice_.say({{"failed", {{"load", day.load}, {"error", json::whole(error)}}}});
        },
        stop_);
    return nullptr;
  }

  /// Ends what runs for these loads, and looks again until nothing does or it takes too long.
  json::Value cancel() {
    std::int64_t ended = 0;
    std::vector<std::string> still;
    constexpr int kLooks = 20;
    for (int look = 0; look < kLooks; ++look) {
      still.clear();
      for (const DayOrder& day : order_.days) {
        for (const std::string& id : connector_->running(day.load, stop_)) still.push_back(id);
      }
      if (still.empty()) break;
      if (look == 0) ended = static_cast<std::int64_t>(still.size());
      for (const std::string& id : still) connector_->cancel(id);
      if (!real_env().wait(std::chrono::milliseconds(100), stop_)) break;
    }
    return {{"ended", ended - static_cast<std::int64_t>(still.size())}, {"still", still}};
  }

  json::Value validate() {
    return json::from(stage_day(order_, order_.days.at(0), *connector_, false, tell(), stop_));
  }

  json::Value replay() { return json::from(replay_day(order_, order_.days.at(0), tell(), stop_)); }

  Tell tell() {
    return [this](const Progress& at) { voice_.say({{"progress", json::from(at)}}); };
  }

  const WorkOrder& order_;
  Voice& voice_;
  std::stop_token stop_;
  std::unique_ptr<warehouse::Connector> connector_;
};

/// Asks a child to stop: when it is told to, or when no day ended for too long.
class TimeLimit {
 public:
  TimeLimit(std::chrono::seconds most, const std::stop_token& stop)
      : most_(most), forward_(stop, [this] { source_.request_stop(); }) {
    if (most_.count() > 0) clock_ = std::jthread([this](std::stop_token over) { watch(over); });
  }

  std::stop_token token() const { return source_.get_token(); }
  bool is_over() const { return is_over_; }

  /// A day has ended, and the next one has its time.
  void begin_anew() {
    const std::lock_guard lock(mutex_);
    began_ = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void watch(const std::stop_token& over) {
    std::unique_lock lock(mutex_);
    for (auto until = began_ + most_; Clock::now() < until; until = began_ + most_) {
      ended_.wait_until(lock, over, until, [] { return false; });
      if (over.stop_requested()) return;
    }
    is_over_ = true;
    source_.request_stop();
  }

  const std::chrono::seconds most_;
  std::stop_source source_;
  std::mutex mutex_;
  std::condition_variable_any ended_;
  Clock::time_point began_ = Clock::now();
  std::atomic<bool> is_over_ = false;
  std::stop_callback<std::function<void()>> forward_;
  std::jthread clock_;  ///< Ends before what it uses.
};

Error took_too_long(std::chrono::seconds most) {
  return Error(Fault::Unavailable, "took_too_long",
               fmt::format("the warehouse ended no day within {} seconds, and was given up on",
                           most.count()),
               "See what the statement waits for there, a lock or a queue; or give it longer: "
               "load_seconds under [service] in millrace.toml");
}

}  // namespace

int worker_main() {
  Voice voice;
  std::stop_source stop;
  try {
    std::string line;
    std::getline(std::cin, line);
    const WorkOrder order = json::work_order(json::parse(line, "a work order"));
    // Stdin stays open as long as the parent lives; its end is the order to stop.
    std::jthread([&stop] {
      char byte = 0;
      while (::read(STDIN_FILENO, &byte, 1) > 0) {
      }
      stop.request_stop();
      real_env().wait(kTimeToStop, {});
      ::_exit(1);
    }).detach();
    voice.say({{"result", Work(order, voice, stop.get_token()).run()}});
    std::cout.flush();
    ::_exit(0);
  } catch (const Error& error) {
    voice.say({{"error", json::whole(error)}});
  } catch (const std::exception& error) {
    voice.say(
        {{"error", json::whole(quoting(Fault::Unavailable, "worker_failed", "", error.what()))}});
  }
  ::_exit(1);
}

json::Value run_worker(const WorkOrder& order, const std::function<void(const json::Value&)>& reply,
                       std::stop_token stop, std::chrono::seconds time_most) {
  TimeLimit limit(time_most, stop);
  // On its way out the worker ends its statements at the warehouse.
  Child child = Child::start(
      {.arguments = {executable_path(), "warehouse-worker"}, .patience = kWorkerPatience});
  child.write(json::from(order).dump() + "\n");
  json::Value last;
  const Child::Exit exit = child.read_lines(
      [&](std::string_view line) {
        json::Value value = json::parse(line, "a worker's line");
        if (value.contains("result") || value.contains("error")) {
          last = std::move(value);
        } else if (!limit.is_over() || !value.contains("failed")) {
          // (What fails because we give up does so for our reason, not for the child's.)
          if (!value.contains("progress")) limit.begin_anew();
          if (reply) reply(value);
        }
      },
      limit.token());
  if (last.contains("result")) return last["result"];
  if (limit.is_over()) throw took_too_long(time_most);
  if (stop.stop_requested()) throw Error(Fault::Cancelled, "cancelled", "stopped on request");
  if (last.contains("error")) throw json::error(last["error"]);
  throw Error(Fault::Unavailable, "worker_died",
              fmt::format("the worker process ended with {}: {}", exit.status, exit.stderr_tail),
              "Try again; if it happens twice, run `millrace doctor`");
}

}  // namespace millrace::pipeline
