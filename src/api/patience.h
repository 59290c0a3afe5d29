#pragma once

#include <chrono>
#include <stop_token>
#include <thread>

#include "base/env.h"

namespace millrace::api {

/// How long a caller lets a warehouse be asked: `token` is stopped when the time is over.
class Patience {
 public:
  Patience(Env& env, std::chrono::seconds time)
      : clock_([&env, time, this](const std::stop_token& over) {
          if (env.wait(time, over)) source_.request_stop();
        }) {}
  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread clock_;  ///< Ends with its owner.
};

}  // namespace millrace::api
