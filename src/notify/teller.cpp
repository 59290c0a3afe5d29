#include "notify/teller.h"

#include <utility>

#include "notify/text.h"

namespace millrace::notify {
namespace {

/// What is open and needs only time to pass is looked at this often.
constexpr std::chrono::seconds kLookEvery(5);
/// Ended loads that one decision considers.
constexpr std::int64_t kEndedMost = 10'000;
constexpr std::chrono::hours kKept(24 * 90);

}  // namespace

catalog::Note note_of(const Message& message, const std::string& event, Env& env) {
  catalog::Note note;
  note.id = new_id(env);
  note.event = event;
  note.key = message.key;
  note.kind = name_of(message.kind);
  note.title = title_of(message);
  note.channel = name_of(message.target.channel);
  note.target = message.target.name;
  note.body = written(message);
  note.written_at = note.next_at = message.at;
  return note;
}

NotifySettings with_wishes(NotifySettings settings, catalog::Catalog& catalog) {
  for (catalog::User& user : catalog.users()) {
    if (user.active && user.slack_direct) settings.slack.direct.push_back(std::move(user.email));
  }
  return settings;
}

Teller::Teller(catalog::Catalog& catalog, const Project& project, NotifySettings settings, Env& env)
    : catalog_(catalog), zone_(project.zone), settings_(std::move(settings)), env_(env) {}

bool Teller::may_have_news(Instant now) {
  if (!catalog_.untold(1).empty() || !catalog_.untold_backfills().empty()) return true;
  const auto until = catalog_.digest_until();
  if (!until || digest_due(settings_, zone_, *until, now)) return true;
  if (now - looked_at_ < kLookEvery) return false;
  looked_at_ = now;
  return !catalog_.open_incidents().empty() || !catalog_.open_alerts().empty();
}

World Teller::look(Instant now) {
  World world;
  world.ended = catalog_.untold(kEndedMost);
  world.alerts = catalog_.open_alerts();
  const auto note_state = [&](const std::string& ingestion, Day day) {
    if (world.states.contains({ingestion, day})) return;
    if (auto state = catalog_.day(ingestion, day)) world.states[{ingestion, day}] = *state;
  };
  for (const catalog::Ended& ended : world.ended) note_state(ended.ingestion, ended.day);
  for (const catalog::IncidentRow& row : catalog_.open_incidents()) {
    world.open.push_back(incident_in(row.id, row.cause, row.opened_at, row.body));
    for (const Member& member : world.open.back().members) {
      note_state(member.ingestion, member.line.first);
    }
  }
  for (const std::string& run : catalog_.untold_backfills()) {
    world.backfills.push_back({run, catalog_.run_days(run)});
  }
  const auto until = catalog_.digest_until();
  if (until && digest_due(settings_, zone_, *until, now)) {
    world.digest = DigestWindow{zone_.day_of(now), catalog_.ended({*until, now})};
  }
  find_subjects(world);
  return world;
}

/// Only those that something happened to: there may be thousands.
void Teller::find_subjects(World& world) {
  std::set<std::string> ids;
  for (const catalog::Ended& ended : world.ended) ids.insert(ended.ingestion);
  for (const catalog::Alert& alert : world.alerts) ids.insert(alert.ingestion);
  for (const Incident& incident : world.open) {
    for (const auto* members : {&incident.members, &incident.gone}) {
      for (const Member& member : *members) ids.insert(member.ingestion);
    }
  }
  for (const Backfill& backfill : world.backfills) {
    for (const catalog::RunDay& day : backfill.days) ids.insert(day.ingestion);
  }
  if (world.digest) {
    for (const catalog::Ended& ended : world.digest->ended) ids.insert(ended.ingestion);
  }
  const NotifySettings settings = with_wishes(settings_, catalog_);
  for (const std::string& id : ids) {
    const auto ingestion = catalog_.ingestion_by_id(id);
    if (!ingestion || ingestion->archived) continue;
    Audience audience = ingestion->audience;
    audience.subscribers.push_back(catalog_.creator(*ingestion));
    world.subjects[id] = {ingestion->handle, ingestion->connection, audience.include_rows,
                          targets_of(audience, settings)};
  }
}

Decision Teller::write(Instant now) {
  const World world = look(now);
  Decision decision = decide(world, settings_, now);
  for (const Incident& incident : decision.incidents) {
    catalog_.put_incident(
        {incident.id, incident.cause, incident.opened_at, incident.closed_at, written(incident)});
  }
  std::map<std::string, std::string> events;
  for (const Message& message : decision.messages) {
    std::string& event = events[message.key];
    if (event.empty()) event = new_id(env_);
    catalog_.post(note_of(message, event, env_));
  }
  catalog_.mark_told(world.ended);
  for (const Backfill& backfill : world.backfills) catalog_.mark_backfill_told(backfill.run);
  const auto until = catalog_.digest_until();
  const bool is_off = settings_.digest_minutes < 0;
  if (!until || is_off || digest_due(settings_, zone_, *until, now)) {
    catalog_.set_digest_until(now);
    catalog_.forget_told(now - kKept);
  }
  return decision;
}

int Teller::tick() {
  const Instant now = env_.now();
  if (!may_have_news(now)) return 0;
  looked_at_ = now;
  Decision decision;
  catalog_.atomically([&] { decision = write(now); });
  return static_cast<int>(decision.messages.size());
}

}  // namespace millrace::notify
