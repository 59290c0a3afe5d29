#pragma once

#include <chrono>
#include <stop_token>
#include <thread>

#include "base/env.h"

namespace millrace::api {

/// A caller lets a warehouse be asked for a minute: then `token` is stopped.
class Patience {
 public:
  explicit Patience(Env& env)
      : clock_([&env, this](const std::stop_token& over) {
          if (env.wait(kTime, over)) source_.request_stop();
        }) {}
  std::stop_token token() const { return source_.get_token(); }

 private:
  static constexpr std::chrono::seconds kTime{60};
  std::stop_source source_;
  std::jthread clock_;  ///< Ends with its owner.
};

}  // namespace millrace::api
