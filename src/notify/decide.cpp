#include "notify/decide.h"

#include <strings.h>

#include <algorithm>
#include <stdexcept>

#include "model/alert.h"

namespace millrace::notify {
namespace {

/// After this long a day without data is nothing to wait for any more.
constexpr std::chrono::hours kNoDataLasts(24);
/// How many days that are well again an incident remembers, to tell of them at its end.
constexpr std::size_t kGoneMost = 1000;

bool is_failure(Attempt attempt) {
  return attempt == Attempt::Failed || attempt == Attempt::Rejected;
}

/// Nobody's trouble: somebody else has the day, or wanted it to stop; or the service was restarted,
/// and begins the day again at once.
bool is_by_design(const Error& error) {
  return error.fault == Fault::Cancelled || error.code == "lost_lease" ||
         error.code == "day_busy" || error.code == catalog::kProcessDied;
}

/// Will the same trouble, on further days, need a person again?
bool needs_a_person(const Member& member) {
  return !member.line.error || policy_of(member.line.error->fault).tells_a_person;
}

/// Users' addresses are in lower case, those of files as somebody wrote them.
bool is_among(const std::vector<std::string>& addresses, const std::string& address) {
  return std::ranges::any_of(addresses, [&](const std::string& one) {
    return ::strcasecmp(one.c_str(), address.c_str()) == 0;
  });
}

constexpr std::pair<std::string_view, Kind> kAlerts[] = {{kNotFresh, Kind::Late},
                                                         {kNotChecked, Kind::NotChecked},
                                                         {kOverBudget, Kind::OverBudget},
                                                         {kLeftOut, Kind::LeftOut}};

Kind kind_of(const catalog::Alert& alert) {
  for (const auto& [what, kind] : kAlerts) {
    if (alert.what == what) return kind;
  }
  throw std::logic_error("an alert of an unknown sort");
}

bool is_of_alerts(Kind kind) {
  return std::ranges::any_of(kAlerts, [&](const auto& one) { return one.second == kind; });
}

class Telling {
 public:
  Telling(const World& world, const NotifySettings& settings, Instant now)
      : world_(world), settings_(settings), now_(now) {
    for (const Incident& incident : world.open) open_[incident.cause] = {incident, false, false};
  }

  Decision run() {
    for (const catalog::Ended& ended : world_.ended) take_in(ended);
    for (const catalog::Alert& alert : world_.alerts) take_in(alert);
    for (auto& [cause, entry] : open_) {
      let_go(entry);
      tell(entry);
      if (entry.incident.members.empty()) close(entry);
    }
    for (auto& [cause, entry] : open_) {
      // What came and went before anybody heard of it leaves no trace.
      if (entry.changed && !(entry.is_new && entry.incident.closed_at)) {
        decision_.incidents.push_back(std::move(entry.incident));
      }
    }
    return std::move(decision_);
  }

 private:
  struct Entry {
    Incident incident;
    bool is_new = true;
    bool changed = false;
  };

  const Subject* subject_of(const std::string& ingestion) const {
    const auto found = world_.subjects.find(ingestion);
    return found == world_.subjects.end() ? nullptr : &found->second;
  }

  void take_in(const catalog::Ended& ended) {
    const Subject* subject = subject_of(ended.ingestion);
    // A backfill is told at its end; who works at a terminal knows already.
    if (!subject || ended.watched || ended.trigger == "backfill") return;
    if (is_failure(ended.attempt)) {
      if (ended.error && !is_by_design(*ended.error)) {
        join("failed/" + std::string(name_of(ended.error->fault)), Kind::Failed, *subject, ended);
      }
    } else if (ended.held) {
      join("held", Kind::Held, *subject, ended);
    } else if (ended.attempt == Attempt::Empty && !ended.empty_again) {
      join("no_data", Kind::NoData, *subject, ended);
    }
  }

  /// An alert stays where it is raised until it is cleared, so it is seen again and again.
  void take_in(const catalog::Alert& alert) {
    const Subject* subject = subject_of(alert.ingestion);
    if (!subject || is_told_otherwise(*subject, alert)) return;
    const Kind kind = kind_of(alert);
    Entry& entry = opened(name_of(kind), kind, *subject);
    const bool is_known = std::ranges::any_of(entry.incident.members, [&](const Member& member) {
      return is_of(member, alert.ingestion, alert.day);
    });
    if (is_known) return;
    entry.changed = true;
    // Not since it was raised: what is over otherwise has time to clear it.
    entry.incident.members.push_back({alert.ingestion, line_of(*subject, alert), now_, false});
  }

  /// Who hears that a day failed or is held need not hear that it is late; nor, while loads from a
  /// connection fail, that its days cannot be checked.
  bool is_told_otherwise(const Subject& subject, const catalog::Alert& alert) const {
    return std::ranges::any_of(open_, [&](const auto& one) {
      const Incident& incident = one.second.incident;
      const bool is_failure = incident.kind == Kind::Failed;
      if (kind_of(alert) == Kind::OverBudget || kind_of(alert) == Kind::LeftOut) return false;
      if (kind_of(alert) == Kind::NotChecked) {
        return is_failure && incident.connection == subject.connection && !incident.members.empty();
      }
      return (is_failure || incident.kind == Kind::Held) &&
             std::ranges::any_of(incident.members, [&](const Member& member) {
               return is_of(member, alert.ingestion, alert.day);
             });
    });
  }

  /// The open incident of a cause, begun where there is none.
  Entry& opened(std::string_view what, Kind kind, const Subject& subject) {
    const std::string cause = std::string(what) + "/" + subject.connection;
    Entry& entry = open_[cause];
    Incident& incident = entry.incident;
    if (incident.cause.empty()) {
      incident.id = cause + "@" + to_text(now_);
      incident.cause = cause;
      incident.kind = kind;
      incident.connection = subject.connection;
      incident.opened_at = now_;
    }
    return entry;
  }

  void join(const std::string& what, Kind kind, const Subject& subject,
            const catalog::Ended& ended) {
    if (kind == Kind::Failed) leave_others(what + "/" + subject.connection, ended);
    Entry& entry = opened(what, kind, subject);
    Incident& incident = entry.incident;
    entry.changed = true;
    const auto known = std::find_if(
        incident.members.begin(), incident.members.end(),
        [&](const Member& member) { return is_of(member, ended.ingestion, ended.day); });
    if (known != incident.members.end()) {
      known->line = line_of(subject, ended);
      return;
    }
    incident.members.push_back({ended.ingestion, line_of(subject, ended), ended.at, false});
  }

  static bool is_of(const Member& member, const std::string& ingestion, Day day) {
    return member.ingestion == ingestion && member.line.first == day;
  }

  /// A day that fails for another reason than before is no longer hit by the first.
  void leave_others(const std::string& cause, const catalog::Ended& ended) {
    for (auto& [other, entry] : open_) {
      if (other == cause || entry.incident.kind != Kind::Failed) continue;
      const auto left = std::erase_if(entry.incident.members, [&](const Member& member) {
        return is_of(member, ended.ingestion, ended.day);
      });
      if (left > 0) entry.changed = true;
    }
  }

  void let_go(Entry& entry) {
    Incident& incident = entry.incident;
    const auto gone = std::stable_partition(
        incident.members.begin(), incident.members.end(),
        [&](const Member& member) { return stands(world_, incident.kind, member, now_); });
    if (gone == incident.members.end()) return;
    for (auto member = gone; member != incident.members.end(); ++member) {
      if (member->told && incident.gone.size() < kGoneMost) incident.gone.push_back(*member);
    }
    incident.members.erase(gone, incident.members.end());
    entry.changed = true;
  }

  /// Tells whom it concerns, once what happens together had time to happen.
  void tell(Entry& entry) {
    Incident& incident = entry.incident;
    const std::chrono::microseconds patience = patience_for(incident.kind);
    const bool is_time = std::any_of(
        incident.members.begin(), incident.members.end(),
        [&](const Member& member) { return !member.told && now_ - member.since >= patience; });
    if (!is_time) return;
    const bool may_repeat = incident.told_at && now_ - *incident.told_at >= kAgainAfter;
    std::map<Target, std::vector<Line>> lines;
    for (Member& member : incident.members) {
      if (member.told) continue;
      bool all_know = true;
      for (const Target& target : subject_of(member.ingestion)->targets) {
        const bool knows = incident.knows.contains(target);
        if (!knows || (may_repeat && needs_a_person(member))) {
          lines[target].push_back(member.line);
        } else if (needs_a_person(member)) {
          all_know = false;
        }
      }
      if (all_know) member.told = entry.changed = true;
    }
    if (lines.empty()) return;
    ++incident.told;
    incident.told_at = now_;
    entry.changed = true;
    for (auto& [target, theirs] : lines) {
      incident.knows.insert(target);
      post(incident, incident.kind, std::to_string(incident.told), target, std::move(theirs));
    }
  }

  std::chrono::microseconds patience_for(Kind kind) const {
    if (kind == Kind::Held) return kHeldPatience;
    if (kind == Kind::NotChecked) return kCheckPatience;
    return settings_.gather;
  }

  void close(Entry& entry) {
    Incident& incident = entry.incident;
    incident.closed_at = now_;
    entry.changed = true;
    if (incident.kind == Kind::NoData) return;
    for (const Target& target : incident.knows) {
      std::vector<Line> lines;
      for (const Member& member : incident.gone) {
        const Subject* subject = subject_of(member.ingestion);
        if (!subject || !subject->targets.contains(target)) continue;
        Line line = member.line;
        line.error.reset();
        line.note.clear();
        line.outcome = outcome_now(member);
        lines.push_back(std::move(line));
      }
      if (!lines.empty()) {
        post(incident, Kind::Recovered, "end", target, std::move(lines));
      }
    }
  }

  std::string outcome_now(const Member& member) const {
    const auto found = world_.states.find({member.ingestion, member.line.first});
    if (found == world_.states.end()) return "never loaded";
    return status_of(found->second, found->second.attempt == Attempt::Empty);
  }

  void post(const Incident& incident, Kind kind, const std::string& number, const Target& target,
            std::vector<Line> lines) {
    Message message;
    message.kind = kind;
    message.thread = incident.id;
    message.key = message.thread + "/" + number;
    message.target = target;
    message.at = now_;
    message.connection = incident.connection;
    message.link = settings_.link;
    put_lines(message, merged(std::move(lines)));
    decision_.messages.push_back(std::move(message));
  }

  const World& world_;
  const NotifySettings& settings_;
  const Instant now_;
  std::map<std::string, Entry> open_;
  Decision decision_;
};

}  // namespace

bool stands(const World& world, Kind kind, const Member& member, Instant now) {
  if (is_of_alerts(kind)) {
    return world.subjects.contains(member.ingestion) &&
           std::ranges::any_of(world.alerts, [&](const catalog::Alert& alert) {
             return kind_of(alert) == kind && alert.ingestion == member.ingestion &&
                    alert.day == member.line.first;
           });
  }
  const auto found = world.states.find({member.ingestion, member.line.first});
  if (!world.subjects.contains(member.ingestion) || found == world.states.end()) return false;
  const DayState& state = found->second;
  if (kind == Kind::NoData) {
    return state.attempt == Attempt::Empty && now - member.since < kNoDataLasts;
  }
  if (state.attempt == Attempt::Loading) return true;
  return kind == Kind::Held ? !state.held_load.empty() : is_failure(state.attempt);
}

std::set<Target> targets_of(const Audience& audience, const NotifySettings& settings) {
  std::set<Target> targets;
  std::set<std::string> people(audience.subscribers.begin(), audience.subscribers.end());
  people.insert(audience.owner.empty() ? settings.owner : audience.owner);
  people.erase("");
  if (!settings.smtp.host.empty()) {
    for (const std::string& person : people) targets.insert({Channel::Mail, person});
  }
  if (!settings.slack.token.empty()) {
    for (const std::string& person : people) {
      if (is_among(settings.slack.direct, person)) targets.insert({Channel::Direct, person});
    }
    for (const auto* channels : {&settings.slack.channels, &audience.slack}) {
      for (const std::string& channel : *channels) targets.insert({Channel::Slack, channel});
    }
  }
  for (const auto& [name, webhook] : settings.webhooks) targets.insert({Channel::Webhook, name});
  return targets;
}

Decision decide(const World& world, const NotifySettings& settings, Instant now) {
  Decision decision = Telling(world, settings, now).run();
  for (auto* more : {backfill_messages, digest_messages}) {
    for (Message& message : more(world, settings, now)) {
      decision.messages.push_back(std::move(message));
    }
  }
  return decision;
}

}  // namespace millrace::notify
