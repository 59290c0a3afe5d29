#include "cli/progress_bar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/env.h"

namespace millrace::cli {
namespace {

constexpr std::chrono::milliseconds kTick(250);
constexpr double kSilentSeconds = 1;
/// Earlier than this an estimate is a guess.
constexpr double kPartMin = 0.02;

double rounded(double seconds) { return std::round(seconds * 100) / 100; }

double seconds_left(double part, double seconds) {
  return part >= kPartMin ? seconds / part - seconds : -1;
}

constexpr std::size_t kBarWidth = 20, kBarWidthMin = 6;

std::string bar_of(double part, std::size_t width) {
  const double full = std::clamp(part, 0.0, 1.0) * static_cast<double>(width);
  std::string bar;
  for (std::size_t i = 0; i < width; ++i) bar += static_cast<double>(i + 1) <= full ? "█" : "░";
  return bar;
}

}  // namespace

ProgressBar::ProgressBar(Terminal& terminal, std::string title, std::int64_t days_total)
    : terminal_(terminal),
      title_(std::move(title)),
      days_total_(days_total),
      start_(std::chrono::steady_clock::now()) {
  if (!terminal_.draws() && !terminal_.lines()) return;
  thread_ = std::jthread([this](std::stop_token ended) {
    while (real_env().wait(kTick, ended)) show(state());
  });
}

ProgressBar::~ProgressBar() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  terminal_.draw("");
}

void ProgressBar::day_done() {
  const std::lock_guard lock(mutex_);
  ++days_done_;
}

void ProgressBar::at(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  Seen& seen = seen_[progress.load];
  // Questions belong to no load, and each is about days of its own.
  const bool is_of_other_days = seen.day != progress.day.text() || seen.stage != progress.stage;
  if (progress.load.empty() && is_of_other_days) seen = {};
  seen.day = progress.day.text();
  seen.stage = progress.stage;
  // A later stage may not know what an earlier one counted.
  seen.rows = std::max(seen.rows, progress.rows);
  seen.bytes = std::max(seen.bytes, progress.bytes);
  seen.rows_total = std::max(seen.rows_total, progress.rows_total.value_or(0));
  latest_ = progress.load;
}

void ProgressBar::ask_part(std::function<double()> part) {
  const std::lock_guard lock(mutex_);
  part_ = std::move(part);
}

ProgressBar::State ProgressBar::state() {
  const std::lock_guard lock(mutex_);
  State now;
  now.days_done = days_done_;
  now.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  double begun = 0;
  for (const auto& [load, seen] : seen_) {
    now.rows += seen.rows;
    now.bytes += seen.bytes;
    now.rows_total += seen.rows_total;
    if (seen.rows_total > 0) {
      begun += std::min(1.0, static_cast<double>(seen.rows) / static_cast<double>(seen.rows_total));
    }
  }
  // Days under way count in part; quick ones may never have told how far they were.
  const double days = std::max(begun, static_cast<double>(days_done_));
  if (days_total_ > 0) now.part = std::min(1.0, days / static_cast<double>(days_total_));
  if (part_) now.part = part_();
  if (const auto latest = seen_.find(latest_); latest != seen_.end()) {
    now.day = latest->second.day;
    now.stage = latest->second.stage;
  }
  return now;
}

void ProgressBar::show(const State& now) {
  if (now.seconds < kSilentSeconds) return;
  if (!terminal_.lines()) {
    terminal_.draw(line(now));
    return;
  }
  nlohmann::ordered_json told{{"what", title_}, {"seconds", rounded(now.seconds)}};
  if (!now.day.empty()) told["day"] = now.day;
  if (!now.stage.empty()) told["stage"] = now.stage;
  if (days_total_ > 0) {
    told["days_done"] = now.days_done;
    told["days_total"] = days_total_;
    told["rows"] = now.rows;
    if (now.rows_total > 0) told["rows_total"] = now.rows_total;
    told["bytes"] = now.bytes;
    told["rows_per_second"] =
        static_cast<std::int64_t>(static_cast<double>(now.rows) / now.seconds);
  }
  const double left = seconds_left(now.part, now.seconds);
  told["seconds_left"] =
      left < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(rounded(left));
  terminal_.tell_progress(told);
}

std::string ProgressBar::line(const State& now) const {
  if (days_total_ == 0 && now.part == 0) return title_ + details(now, true, true);
  // On a narrow screen the bar is shorter, and how long it takes is worth more than how fast it is.
  const auto room = [&](const std::string& text) {
    const std::size_t taken = columns_of(title_) + 1 + columns_of(text), all = screen_columns();
    return all > taken ? all - taken : 0;
  };
  std::string text = details(now, true, true);
  if (room(text) < kBarWidthMin) text = details(now, false, true);
  if (room(text) < kBarWidthMin) text = details(now, false, false);
  const std::size_t width = std::clamp(room(text), kBarWidthMin, kBarWidth);
  return title_ + " " + bar_of(now.part, width) + text;
}

std::string ProgressBar::details(const State& now, bool bytes, bool speed) const {
  std::string text;
  if (days_total_ > 1) text += fmt::format("  {}/{} days", now.days_done, days_total_);
  if (now.rows > 0) {
    text += fmt::format("  {} rows", grouped(now.rows));
    if (bytes && now.bytes > 0) text += "  " + bytes_text(now.bytes);
    if (speed) {
      text += fmt::format(
          "  {} rows/s",
          grouped(static_cast<std::int64_t>(static_cast<double>(now.rows) / now.seconds)));
    }
  } else if (!now.stage.empty()) {
    text += "  " + now.stage;
    if (now.rows_total > 0) text += fmt::format(" of {}", counted(now.rows_total, "row"));
  }
  const double left = seconds_left(now.part, now.seconds);
  text += "  " + seconds_text(now.seconds);
  if (left >= 0) text += fmt::format(", {} left", seconds_text(left));
  return text;
}

}  // namespace millrace::cli
