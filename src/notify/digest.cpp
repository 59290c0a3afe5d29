#include <algorithm>

#include "notify/decide.h"

namespace millrace::notify {
namespace {

void count(Counts& counts, const Line& line) {
  std::int64_t& which = line.outcome == "failed"               ? counts.failed
                        : line.outcome == "held"               ? counts.held
                        : line.outcome == "succeeded, no data" ? counts.no_data
                                                               : counts.succeeded;
  which += line.days;
}

/// How a day stands at the end of the window.
struct LastWord {
  catalog::Ended ended;
  bool was_failing = false;
};

/// Days that ended well or badly, each once: its last load counts.
std::map<std::pair<std::string, Day>, LastWord> last_words(const World& world) {
  std::map<std::pair<std::string, Day>, LastWord> last;
  for (const catalog::Ended& ended : world.digest->ended) {
    const bool only_waits = ended.attempt == Attempt::Waiting && !ended.held;
    if (only_waits || ended.trigger == "backfill") continue;
    LastWord& word = last[{ended.ingestion, ended.day}];
    word.was_failing = word.was_failing || ended.was_failing;
    word.ended = ended;
  }
  return last;
}

catalog::Ended ended_in(const catalog::RunDay& day, const std::string& run) {
  catalog::Ended ended;
  ended.load = day.load;
  ended.ingestion = day.ingestion;
  ended.run = run;
  ended.day = day.day;
  ended.attempt = day.attempt == Attempt::None ? Attempt::Loaded : day.attempt;
  ended.held = day.attempt == Attempt::Waiting && day.error_code.empty();
  ended.rows = day.rows;
  ended.rejected = day.rejected;
  if (!day.error_code.empty()) {
    ended.error = Error(day.error_fault.value_or(Fault::Unavailable), day.error_code,
                        day.error_text, day.error_advice);
    ended.error->in_full = day.error_in_full;
  }
  return ended;
}

}  // namespace

std::optional<Instant> digest_due(const NotifySettings& settings, const Zone& zone, Instant until,
                                  Instant now) {
  if (settings.digest_minutes < 0) return {};
  const auto at = [&](Day day) {
    return zone.instant_of(
        Naive(day.sys().time_since_epoch() + std::chrono::minutes(settings.digest_minutes)));
  };
  const Day today = zone.day_of(now);
  const Instant due = at(today) <= now ? at(today) : at(today.plus(-1));
  if (due <= until) return {};
  return due;
}

std::vector<Message> digest_messages(const World& world, const NotifySettings& settings,
                                     Instant now) {
  if (!world.digest) return {};
  std::map<Target, std::vector<Line>> lines;
  std::map<Target, Counts> counts;
  const auto last = last_words(world);
  const auto add = [&](const Subject& subject, const Line& line) {
    for (const Target& target : subject.targets) {
      lines[target].push_back(line);
      count(counts[target], line);
    }
  };
  for (const auto& [place, word] : last) {
    const auto subject = world.subjects.find(word.ended.ingestion);
    if (subject == world.subjects.end()) continue;
    const Line line = line_of(subject->second, word.ended);
    const bool is_well =
        word.ended.attempt == Attempt::Loaded || word.ended.attempt == Attempt::Empty;
    add(subject->second, line);
    for (const Target& target : subject->second.targets) {
      if (is_well && word.was_failing) ++counts[target].recovered;
    }
  }
  // What fails or is held since earlier, and was not tried again, is still so.
  for (const Incident& incident : world.open) {
    for (const Member& member : incident.members) {
      const bool is_old = !last.contains({member.ingestion, member.line.first});
      const bool is_of_load = incident.kind == Kind::Failed || incident.kind == Kind::Held;
      if (is_of_load && is_old && stands(world, incident.kind, member, now)) {
        add(world.subjects.at(member.ingestion), member.line);
      }
    }
  }
  std::vector<Message> messages;
  for (auto& [target, theirs] : lines) {
    Message& message = messages.emplace_back();
    message.kind = Kind::Digest;
    message.key = message.thread = "digest/" + world.digest->day.text();
    message.target = target;
    message.at = now;
    message.counts = counts[target];
    message.link = settings.link;
    put_lines(message, merged(std::move(theirs)));
  }
  return messages;
}

std::vector<Message> backfill_messages(const World& world, const NotifySettings& settings,
                                       Instant now) {
  std::vector<Message> messages;
  for (const Backfill& backfill : world.backfills) {
    std::map<Target, std::vector<Line>> lines;
    std::map<Target, Counts> counts;
    for (const catalog::RunDay& day : backfill.days) {
      const auto subject = world.subjects.find(day.ingestion);
      if (subject == world.subjects.end()) continue;
      const Line line = line_of(subject->second, ended_in(day, backfill.run));
      for (const Target& target : subject->second.targets) {
        lines[target].push_back(line);
        count(counts[target], line);
      }
    }
    for (auto& [target, theirs] : lines) {
      Message& message = messages.emplace_back();
      message.kind = Kind::Backfill;
      message.thread = "backfill/" + backfill.run;
      message.key = message.thread;
      message.target = target;
      message.at = now;
      message.counts = counts[target];
      message.link = settings.link;
      put_lines(message, merged(std::move(theirs)));
    }
  }
  return messages;
}

}  // namespace millrace::notify
