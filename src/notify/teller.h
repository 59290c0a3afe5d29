#pragma once

#include "catalog/catalog.h"
#include "notify/decide.h"

namespace millrace::notify {

/// Looks at what ended, decides what is to be told, and puts it into the outbox, in one transaction
/// with the note that it was considered. May run in several processes at once. One thread.
class Teller {
 public:
  Teller(catalog::Catalog& catalog, const Project& project, NotifySettings settings, Env& env);

  /// Returns how many messages there are to send now. Cheap when nothing happened.
  int tick();

 private:
  bool may_have_news(Instant now);
  World look(Instant now);
  void find_subjects(World& world);
  Decision write(Instant now);

  catalog::Catalog& catalog_;
  Zone zone_;
  NotifySettings settings_;
  Env& env_;
  Instant looked_at_{};
};

/// `direct` of Slack with the active users who switched it on for themselves.
NotifySettings with_wishes(NotifySettings settings, catalog::Catalog& catalog);

/// A message as it lies in the outbox.
catalog::Note note_of(const Message& message, const std::string& event, Env& env);

}  // namespace millrace::notify
