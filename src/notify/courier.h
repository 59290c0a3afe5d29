#pragma once

#include <functional>
#include <stop_token>

#include "catalog/catalog.h"
#include "model/audience.h"

namespace millrace::notify {

/// Carries what is in the outbox, each note until it was accepted: at least once, and under the
/// same id however often. What cannot be carried waits longer from try to try, and is given up
/// after three days. May run in several processes at once. One thread.
class Courier {
 public:
  /// `settings` are asked for whenever there is something to carry, with their secrets: one that
  /// is missing keeps notes waiting and hurts nothing else.
  using Settings = std::function<NotifySettings()>;
  Courier(catalog::Catalog& catalog, Settings settings, Env& env);

  /// Everything that is due. Returns how many notes were accepted.
  int deliver(std::stop_token stop);
  /// One note, whose try is counted already; it is then as the catalog knows it.
  void carry(catalog::Note& note);

 private:
  catalog::Catalog& catalog_;
  Settings settings_;
  Env& env_;
};

}  // namespace millrace::notify
