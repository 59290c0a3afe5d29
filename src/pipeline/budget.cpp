#include "pipeline/budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/log.h"
#include "model/alert.h"

namespace millrace::pipeline {
namespace {

Interval month_of(Day day, const Zone& zone) {
  const std::chrono::year_month_day date(day.sys());
  const auto month = date.year() / date.month();
  return {zone.bounds(Day(std::chrono::sys_days(month / 1))).start,
          zone.bounds(Day(std::chrono::sys_days(month / std::chrono::last))).end};
}

}  // namespace

MonthBudget::MonthBudget(House& house, const Ingestion& ingestion)
    : house_(house), ingestion_(ingestion) {
  for (const catalog::Alert& alert : house.catalog.open_alerts()) {
    is_alert_open_ |= alert.ingestion == ingestion.id && alert.what == kOverBudget;
  }
}

std::optional<catalog::RowBudget> MonthBudget::this_month() const {
  const auto rows = ingestion_.limits.rows_per_month;
  if (!rows) return {};
  const Zone& zone = house_.project.zone;
  return catalog::RowBudget{month_of(zone.day_of(house_.env.now()), zone), *rows};
}

/// As many rows as the day has; a new one as many as is usual.
std::int64_t MonthBudget::expected(Day day, const std::string& current) const {
  if (!current.empty()) {
    if (const auto version = house_.catalog.version(current)) {
      return version->certificate.output_rows;
    }
  }
  constexpr int kDaysBack = 28;
  std::vector<std::int64_t> rows;
  for (const DayRow& row :
       house_.catalog.days(ingestion_.id, DayRange{day.plus(-kDaysBack), day.plus(kDaysBack)})) {
    if (row.rows > 0) rows.push_back(row.rows);
  }
  if (rows.empty()) return 0;
  std::sort(rows.begin(), rows.end());
  return rows[rows.size() / 2];
}

std::optional<Error> MonthBudget::refuses(Day day, const std::string& current) {
  const auto budget = this_month();
  if (!budget) return {};
  std::int64_t so_far = house_.catalog.billed(ingestion_.id, budget->published);
  for (const auto& [other, rows] : under_way_) so_far += rows;
  const std::int64_t more = expected(day, current);
  if (so_far + more <= budget->rows_most && so_far < budget->rows_most) {
    under_way_[day] = more;
    return {};
  }
  return pause(day, more, so_far);
}

std::optional<Error> MonthBudget::refuses(Day day, std::int64_t rows) {
  const auto budget = this_month();
  if (!budget) return {};
  const std::int64_t so_far = house_.catalog.billed(ingestion_.id, budget->published);
  if (so_far + rows <= budget->rows_most) return {};
  return pause(day, rows, so_far);
}

Error MonthBudget::pause(Day day, std::int64_t more, std::int64_t so_far) {
  const std::string why = fmt::format(
      "over budget: loading {} would add about {} billable rows to the {} of this month, and "
      "rows_per_month is {}",
      day.text(), more, so_far, *ingestion_.limits.rows_per_month);
  house_.catalog.pause(ingestion_.id, why);
  house_.catalog.renew_alert(ingestion_.id, day, kOverBudget,
                             ingestion_.handle + " is paused, " + why);
  is_alert_open_ = true;
  return {Fault::Misconfigured, kOverBudget, why,
          fmt::format("Raise `rows_per_month` in [ingestion.{0}.limits] and apply it, or wait "
                      "for the next month; then `millrace resume {0}`",
                      ingestion_.handle)};
}

void MonthBudget::published(Day day) {
  under_way_.erase(day);
  if (!is_alert_open_) return;
  try {
    house_.catalog.clear_alert(ingestion_.id, kOverBudget);
    is_alert_open_ = false;
  } catch (const Error& error) {
    // The day is published all the same; the next one clears it.
    log::warning("could not clear an alert", {{"error", error.what()}});
  }
}

}  // namespace millrace::pipeline
