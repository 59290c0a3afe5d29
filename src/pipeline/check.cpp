#include "pipeline/check.h"

#include <map>

#include <nlohmann/json.hpp>

#include "pipeline/worker.h"

namespace millrace::pipeline {
namespace {

/// Longer than the widest gap between two scheduled checks.
constexpr std::chrono::hours kTokenMaxAge{7 * 24};

std::optional<DayOrder> question(House& house, const Ingestion& ingestion, Day day,
                                 CheckResult& answer) {
  const auto state = house.catalog.day(ingestion.id, day);
  const auto version =
      state && !state->current.empty() ? house.catalog.version(state->current) : std::nullopt;
  if (!version) {
    answer.note = "never loaded";
    return {};
  }
  answer.rows_then = version->certificate.source_count ? *version->certificate.source_count
                                                       : version->certificate.read;
  if (version->revision != revision_of(ingestion.definition)) {
    answer.note = "not comparable: loaded by an older definition; `load --stale` rebuilds it";
    return {};
  }
  DayOrder order;
  order.day = day;
  Known known;
  known.rows = *answer.rows_then;
  known.fingerprint = version->fingerprint;
  known.content_checks = (state->flags & kNotRepeatable) == 0;
  const auto token = house.catalog.known_token(ingestion.id, day);
  if (token && house.env.now() - token->confirmed_at < kTokenMaxAge) known.token = token->text;
  order.known = known;
  return order;
}

}  // namespace

std::vector<CheckResult> check(House& house, const Ingestion& ingestion,
                               const std::vector<Day>& days, CheckDepth depth, std::stop_token stop,
                               const std::function<void(const CheckResult&)>& told,
                               const OnProgress& progress) {
  std::map<Day, CheckResult> results;
  WorkOrder order = order_for(house, ingestion, Verb::Check);
  const FollowUpRule& rule = ingestion.upkeep.follow_up_rule;
  if (depth == CheckDepth::AsFollowedUp) order.max_scan_bytes = rule.max_scan_bytes;
  for (const Day day : days) {
    CheckResult& answer = results[day];
    answer.day = day;
    if (auto asked = question(house, ingestion, day, answer)) {
      if (depth == CheckDepth::AsFollowedUp)
        asked->known->threshold_percent = rule.threshold_percent;
      order.days.push_back(std::move(*asked));
    }
  }
  const auto reply = [&](const json::Value& line) {
    if (progress && line.contains("progress")) progress(json::progress(line["progress"]));
    if (!line.contains("checked")) return;
    const json::Value& checked = line["checked"];
    CheckResult result = json::check_result(checked.at("result"));
    result.rows_then = results[result.day].rows_then;
    std::optional<std::string> token;
    if (checked.contains("token")) token = checked["token"].get<std::string>();
    house.catalog.record_check(ingestion.id, result, token, result.by == "fingerprint");
    if (told) told(result);
    results[result.day] = std::move(result);
  };
  if (!order.days.empty()) run_worker(order, reply, stop, house.time_most);
  std::vector<CheckResult> ordered;
  for (auto& [day, result] : results) ordered.push_back(std::move(result));
  return ordered;
}

}  // namespace millrace::pipeline
