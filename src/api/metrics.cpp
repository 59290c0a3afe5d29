#include "api/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::api {
namespace {

/// One metric: its name, what it is, and its samples.
class Metric {
 public:
  Metric(std::string& text, std::string_view name, std::string_view type, std::string_view help)
      : text_(text), name_(name) {
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }

  /// `labels` as {dataset="events"}, or empty.
  void sample(const std::string& labels, double value) {
    text_ += fmt::format("{}{} {}\n", name_, labels, value);
  }

 private:
  std::string& text_;
  std::string_view name_;
};

double seconds(Instant instant) {
  return std::chrono::duration<double>(instant.time_since_epoch()).count();
}

void published(std::string& text, const catalog::Tally& tally) {
  const auto each = [&](Metric metric, auto value) {
    for (const Dataset dataset : kDatasets) {
      const auto found = tally.published.find(dataset);
      if (found == tally.published.end()) continue;
      metric.sample(fmt::format("{{dataset=\"{}\"}}", name_of(dataset)), value(found->second));
    }
  };
  each({text, "millrace_loads_published_total", "counter",
        "Loads that became the current version of their day."},
       [](const auto& it) { return static_cast<double>(it.loads); });
  each({text, "millrace_rows_published_total", "counter",
        "Rows of published loads, as billed: a reload counts again."},
       [](const auto& it) { return static_cast<double>(it.rows); });
  each({text, "millrace_last_published_timestamp_seconds", "gauge",
        "When a load was last published."},
       [](const auto& it) { return seconds(it.last_at); });
}

void ingestions(std::string& text, catalog::Catalog& catalog) {
  std::int64_t enabled = 0, others = 0;
  for (const Ingestion& ingestion : catalog.ingestions()) {
    ++(ingestion.upkeep.enabled ? enabled : others);
  }
  Metric metric(text, "millrace_ingestions", "gauge", "Ingestions, and whether they are enabled.");
  metric.sample("{enabled=\"true\"}", static_cast<double>(enabled));
  metric.sample("{enabled=\"false\"}", static_cast<double>(others));
}

}  // namespace

void RequestCounts::add(const std::string& method, const std::string& route, int status,
                        std::chrono::nanoseconds took) {
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"};
  const bool is_known = std::ranges::find(kMethods, method) != std::end(kMethods);
  const double lasted = std::chrono::duration<double>(took).count();
  const std::lock_guard lock(mutex_);
  ++answers_[{route, is_known ? method : "other", status}];
  Took& of_route = took_[route];
  ++of_route.count;
  of_route.seconds += lasted;
  for (std::size_t i = 0; i < kSeconds.size(); ++i) of_route.within[i] += lasted <= kSeconds[i];
}

std::string RequestCounts::text() const {
  std::string text;
  const std::lock_guard lock(mutex_);
  Metric answers(text, "millrace_http_requests_total", "counter", "Requests that were answered.");
  for (const auto& [key, count] : answers_) {
    const auto& [route, method, status] = key;
    answers.sample(
        fmt::format("{{route=\"{}\",method=\"{}\",status=\"{}\"}}", route, method, status),
        static_cast<double>(count));
  }
  Metric(text, "millrace_http_request_seconds", "histogram", "How long an answer took.");
  for (const auto& [route, took] : took_) {
    for (std::size_t i = 0; i < kSeconds.size(); ++i) {
      text += fmt::format("millrace_http_request_seconds_bucket{{route=\"{}\",le=\"{}\"}} {}\n",
                          route, kSeconds[i], took.within[i]);
    }
    text += fmt::format(
        "millrace_http_request_seconds_bucket{{route=\"{0}\",le=\"+Inf\"}} {1}\n"
        "millrace_http_request_seconds_sum{{route=\"{0}\"}} {2}\n"
        "millrace_http_request_seconds_count{{route=\"{0}\"}} {1}\n",
        route, took.count, took.seconds);
  }
  return text;
}

std::string metrics_text(catalog::Catalog& catalog, Instant now) {
  const catalog::Tally tally = catalog.tally();
  std::string text;
  Metric days(text, "millrace_days", "gauge", "Days of all ingestions by what became of them.");
  for (const auto& [status, count] : tally.days) {
    days.sample(fmt::format("{{status=\"{}\"}}", status), static_cast<double>(count));
  }
  published(text, tally);
  ingestions(text, catalog);
  Metric(text, "millrace_loads_running", "gauge", "Loads that have begun and not ended.")
      .sample("", static_cast<double>(tally.open_loads));
  Metric(text, "millrace_days_asked", "gauge",
         "Days that a call, a backfill or a person waits for.")
      .sample("", static_cast<double>(tally.asked));
  Metric(text, "millrace_commits_owed", "gauge",
         "Records and Delta commits that must still follow a publish.")
      .sample("", static_cast<double>(tally.owed));
  Metric(text, "millrace_time_seconds", "gauge", "The clock of this service.")
      .sample("", seconds(now));
  return text;
}

}  // namespace millrace::api
