#pragma once

#include <atomic>
#include <chrono>
#include <utility>

#include "base/error.h"

namespace millrace::api {

/// How many requests may do something slow at once; who comes then is told to come back, so that
/// threads stay for those who do something else. Thread-safe.
class Turns {
 public:
  /// Given back when it goes.
  class Turn {
   public:
    Turn() = default;
    explicit Turn(std::atomic<int>& taken) : taken_(&taken) {}
    Turn(Turn&& other) noexcept : taken_(std::exchange(other.taken_, nullptr)) {}
    Turn& operator=(Turn&& other) noexcept {
      std::swap(taken_, other.taken_);
      return *this;
    }
    ~Turn() {
      if (taken_ != nullptr) --*taken_;
    }

   private:
    std::atomic<int>* taken_ = nullptr;
  };

  /// `busy`: what who is refused is told.
  Turns(int most, Error busy) : most_(most), busy_(std::move(busy)) {}

  /// Throws `busy` where all are taken.
  Turn take() {
    if (taken_.fetch_add(1) < most_) return Turn(taken_);
    --taken_;
    throw busy_;
  }

 private:
  const int most_;
  const Error busy_;
  std::atomic<int> taken_ = 0;
};

}  // namespace millrace::api
