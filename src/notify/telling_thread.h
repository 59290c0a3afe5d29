#pragma once

#include <thread>

#include "notify/courier.h"
#include "notify/teller.h"

namespace millrace::notify {

/// Tells people beside whatever else the process does, in a thread and with a catalog of its own:
/// loads never wait for a mail server, and nothing that goes wrong here reaches them.
class TellingThread {
 public:
  TellingThread(const catalog::Catalog::Options& catalog, const Project& project,
                const NotifySettings& settings, const Courier::Settings& resolved, Env& env);

 private:
  std::jthread thread_;
};

}  // namespace millrace::notify
