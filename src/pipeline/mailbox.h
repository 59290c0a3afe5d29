#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/json.h"

namespace millrace::pipeline {

/// What a supervising thread tells the one thread that owns the catalog.
struct News {
  json::Value line;                ///< A reply of the child, or null.
  std::vector<std::string> ended;  ///< Loads of a child that has exited.
  std::optional<Error> error;      ///< Why it ended, when badly.
};

/// Bounded hand-over between the supervisors and the publisher.
class Mailbox {
 public:
  void post(News news) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return news_.size() < kRoom; });
    news_.push_back(std::move(news));
    arrived_.notify_one();
  }
  /// All that waits, oldest first; nothing when nothing came for so long.
  std::deque<News> take(std::chrono::seconds patience) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, patience, [&] { return !news_.empty(); });
    room_.notify_all();
    return std::exchange(news_, {});
  }

 private:
  static constexpr std::size_t kRoom = 64;

  std::mutex mutex_;
  std::condition_variable arrived_, room_;
  std::deque<News> news_;
};

}  // namespace millrace::pipeline
