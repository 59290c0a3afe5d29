#include "api/progress_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/log.h"

namespace millrace::api {
namespace {

constexpr std::chrono::milliseconds kLookEvery(250);
/// A run whose days wait is looked at now and then: they may be cancelled without a load.
constexpr std::chrono::seconds kWaitingLookedAtEvery(5);
/// A reader that was cut off comes back within this time, and goes on.
constexpr std::chrono::seconds kWaitedForReaders(60);
/// A commit may come so much later than the time that it wrote.
constexpr std::chrono::seconds kLate(15);
constexpr std::size_t kRememberedBytes = 4 << 20, kPieceBytes = 64 << 10;

std::string event_text(std::string_view what, const std::string& id, const json::Value& data) {
  // Errors quote what others sent, which need not be UTF-8.
  return fmt::format("event: {}\nid: {}\ndata: {}\n\n", what, id,
                     data.dump(-1, ' ', false, json::Value::error_handler_t::replace));
}

/// A later stage may not know what an earlier one counted.
void take_in(const Progress& progress, json::Value& day) {
  const std::int64_t nothing = 0;
  day["stage"] = progress.stage;
  day["rows"] = std::max(day.value("rows", nothing), progress.rows);
  day["bytes"] = std::max(day.value("bytes", nothing), progress.bytes);
  if (progress.rows_total) day["rows_total"] = *progress.rows_total;
}

json::Value day_json(catalog::Catalog& catalog, const catalog::LoadRow& load) {
  const auto ingestion = catalog.ingestion_by_id(load.ingestion);
  return {{"ingestion", ingestion ? ingestion->handle : load.ingestion},
          {"day", load.day.text()},
          {"run", load.run},
          {"load", load.id},
          {"trigger", load.trigger}};
}

bool went_wrong(const catalog::RunDay& day) {
  return day.attempt == Attempt::Failed || day.attempt == Attempt::Rejected;
}

}  // namespace

/// One stream's place in the feed.
class ProgressFeed::Reader {
 public:
  Reader(ProgressFeed& feed, std::string last_id) : feed_(feed), last_id_(std::move(last_id)) {}
  ~Reader() {
    const std::lock_guard lock(feed_.mutex_);
    --feed_.readers_;
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  std::optional<std::string> next() {
    const Instant now = feed_.env_.now();
    if (now - began_ > kStreamLasts) return {};
    const std::lock_guard lock(feed_.mutex_);
    feed_.read_at_ = now;
    std::string text = feed_.is_current_ ? piece() : "";
    if (text.empty() && feed_.is_over_) return {};
    if (text.empty() && now - spoke_at_ > kHeartbeat) text = ": nothing happens\n\n";
    if (!text.empty()) spoke_at_ = now;
    return text;
  }

 private:
  /// Where the reader goes on; nothing when that is forgotten.
  std::optional<std::int64_t> known_place() const {
    const std::string begin = feed_.epoch_ + "-";
    if (!last_id_.starts_with(begin)) return {};
    std::int64_t number = -1;
    const char* end = last_id_.data() + last_id_.size();
    const auto read = std::from_chars(last_id_.data() + begin.size(), end, number);
    if (read.ec != std::errc() || read.ptr != end) return {};
    const std::int64_t first = feed_.last_ - std::ssize(feed_.events_);
    return number >= first && number <= feed_.last_ ? std::optional(number) : std::nullopt;
  }

  std::string piece() {
    std::string text;
    const auto place = known_place();
    std::int64_t at = place.value_or(feed_.last_);
    if (!place) {
      text = event_text("running", fmt::format("{}-{}", feed_.epoch_, at), feed_.running_now());
    }
    const std::int64_t first = feed_.last_ - std::ssize(feed_.events_);
    for (; at < feed_.last_ && text.size() < kPieceBytes; ++at) {
      text += feed_.events_[static_cast<std::size_t>(at - first)];
    }
    last_id_ = fmt::format("{}-{}", feed_.epoch_, at);
    return text;
  }

  ProgressFeed& feed_;
  std::string last_id_;
  const Instant began_ = feed_.env_.now();
  Instant spoke_at_ = began_;
};

ProgressFeed::ProgressFeed(std::filesystem::path catalog, Env& env)
    : catalog_(std::move(catalog)),
      env_(env),
      thread_([this](const std::stop_token& stop) { watch(stop); }) {}

ProgressFeed::~ProgressFeed() { end(); }

void ProgressFeed::end() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void ProgressFeed::at(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  if (is_current_) moved_[progress.load] = progress;
}

void ProgressFeed::expect(std::set<std::string> runs) {
  const std::lock_guard lock(mutex_);
  expected_ = std::move(runs);
}

ProgressFeed::Stream ProgressFeed::stream(const std::string& last_id) {
  {
    const std::lock_guard lock(mutex_);
    if (readers_ >= kStreamsMost) {
      throw Error(Fault::Unavailable, "too_many_streams",
                  fmt::format("{} streams of progress are open, and no more are served", readers_),
                  "Close one, or ask again later");
    }
    ++readers_;
    read_at_ = env_.now();
  }
  wanted_.notify_one();
  return [reader = std::make_shared<Reader>(*this, last_id)] { return reader->next(); };
}

void ProgressFeed::watch(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (!wanted_.wait(lock, stop, [this] { return readers_ > 0; })) break;
    }
    try {
      catalog::Catalog catalog({.path = catalog_, .read_only = true}, env_);
      begin_anew(catalog);
      bool is_read = true;
      while (is_read) {
        const bool goes_on = env_.wait(kLookEvery, stop);
        look(catalog);
        if (!goes_on) break;
        const std::lock_guard lock(mutex_);
        is_read = readers_ > 0 || env_.now() - read_at_ < kWaitedForReaders;
        is_current_ = is_read;
      }
    } catch (const Error& error) {
      log::warning("could not look how far loads are", {{"error", error.what()}});
      env_.wait(kWaitingLookedAtEvery, stop);
    }
  }
  const std::lock_guard lock(mutex_);
  is_over_ = true;
}

void ProgressFeed::begin_anew(catalog::Catalog& catalog) {
  const Instant now = env_.now();
  runs_.clear();
  told_.clear();
  // In this order: what ends in between is told of.
  for (const catalog::Ended& load : catalog.ended({now - kLate, now + kLate})) {
    told_.emplace(load.at, load.load);
  }
  std::map<std::string, json::Value> open;
  for (const catalog::LoadRow& load : catalog.open_loads()) {
    open[load.id] = day_json(catalog, load);
    runs_.try_emplace(load.run, Run{open[load.id]["ingestion"], load.trigger, now});
  }
  const std::lock_guard lock(mutex_);
  epoch_ = fmt::format("{:x}", now.time_since_epoch().count());
  events_.clear();
  bytes_ = 0;
  last_ = 0;
  moved_.clear();
  under_way_ = std::move(open);
  is_current_ = true;
}

void ProgressFeed::look(catalog::Catalog& catalog) {
  // In this order: a load that ends in between was seen.
  const std::vector<catalog::LoadRow> open = catalog.open_loads();
  const Instant now = env_.now();
  const std::vector<catalog::Ended> ended = catalog.ended({now - kLate, now + kLate});
  std::set<std::string> touched;
  for (const catalog::LoadRow& load : open) {
    if (!under_way_.contains(load.id)) tell_started(catalog, load);
  }
  tell_moved();
  for (const catalog::Ended& load : ended) {
    if (!told_.emplace(load.at, load.load).second) continue;
    if (!under_way_.contains(load.load)) {
      if (const auto row = catalog.load(load.load)) tell_started(catalog, *row);
    }
    tell_ended(load);
    touched.insert(load.run);
  }
  std::erase_if(told_, [&](const auto& told) { return told.first < now - 2 * kLate; });
  tell_ended_runs(catalog, touched);
}

void ProgressFeed::tell_started(catalog::Catalog& catalog, const catalog::LoadRow& load) {
  json::Value day = day_json(catalog, load);
  const std::string at = to_text(load.started_at);
  if (runs_.try_emplace(load.run, Run{day["ingestion"], load.trigger, load.started_at}).second) {
    tell("run_started", {{"run", load.run},
                         {"ingestion", day["ingestion"]},
                         {"trigger", load.trigger},
                         {"at", at}});
  }
  json::Value told = day;
  told["at"] = at;
  tell("day_started", told);
  const std::lock_guard lock(mutex_);
  under_way_[load.id] = std::move(day);
}

void ProgressFeed::tell_moved() {
  std::map<std::string, Progress> moved;
  {
    const std::lock_guard lock(mutex_);
    moved.swap(moved_);
  }
  for (const auto& [load, progress] : moved) {
    const auto found = under_way_.find(load);
    if (found == under_way_.end()) continue;
    json::Value day = found->second;
    take_in(progress, day);
    tell("day_moved", day);
    const std::lock_guard lock(mutex_);
    found->second = std::move(day);
  }
}

void ProgressFeed::tell_ended(const catalog::Ended& load) {
  json::Value told;
  {
    const std::lock_guard lock(mutex_);
    const auto found = under_way_.extract(load.load);
    if (!found.empty()) told = found.mapped();
  }
  if (told.is_null()) return;
  for (const char* name : {"stage", "bytes", "rows_total"}) told.erase(name);
  told["status"] = load.held ? "held" : name_of(load.attempt);
  told["rows"] = load.rows;
  told["rejected"] = load.rejected;
  if (!load.note.empty()) told["note"] = load.note;
  if (load.error) told["error"] = json::from(*load.error);
  told["at"] = to_text(load.at);
  tell("day_ended", told);
}

void ProgressFeed::tell_ended_runs(catalog::Catalog& catalog,
                                   const std::set<std::string>& touched) {
  std::set<std::string> busy, expected;
  for (const auto& [load, day] : under_way_) busy.insert(day["run"].get<std::string>());
  {
    const std::lock_guard lock(mutex_);
    expected = expected_;
  }
  const Instant now = env_.now();
  for (auto run = runs_.begin(); run != runs_.end();) {
    const auto here = run++;
    auto& [id, seen] = *here;
    const bool is_worth_it = touched.contains(id) || now - seen.looked_at > kWaitingLookedAtEvery;
    if (busy.contains(id) || !is_worth_it) continue;
    const bool goes_on = expected.contains(id);
    seen.looked_at = goes_on ? Instant() : now;
    if (goes_on) continue;
    const std::vector<catalog::RunDay> days = catalog.run_days(id);
    const auto has_ended = [](const catalog::RunDay& day) { return day.ended_at.has_value(); };
    if (!std::ranges::all_of(days, has_ended)) continue;
    std::int64_t rows = 0;
    for (const catalog::RunDay& day : days) rows += day.rows;
    tell("run_ended", {{"run", id},
                       {"ingestion", seen.ingestion},
                       {"trigger", seen.trigger},
                       {"days", std::ssize(days)},
                       {"failed", std::ranges::count_if(days, went_wrong)},
                       {"rows", rows},
                       {"at", to_text(now)}});
    runs_.erase(here);
  }
}

void ProgressFeed::tell(std::string_view what, const json::Value& data) {
  const std::lock_guard lock(mutex_);
  ++last_;
  events_.push_back(event_text(what, fmt::format("{}-{}", epoch_, last_), data));
  bytes_ += events_.back().size();
  while (bytes_ > kRememberedBytes) {
    bytes_ -= events_.front().size();
    events_.pop_front();
  }
}

json::Value ProgressFeed::running_now() const {
  json::Value days = json::Value::array();
  for (const auto& [load, day] : under_way_) days.push_back(day);
  return {{"days", std::move(days)}, {"at", to_text(env_.now())}};
}

}  // namespace millrace::api
