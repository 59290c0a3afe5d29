#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "pipeline/house.h"

namespace millrace::pipeline {

/// What an ingestion may still add to this month's bill: see Limits::rows_per_month. What loads
/// under way will add is guessed from what is there. A load that may not begin is an alert, until
/// one is published again.
class MonthBudget {
 public:
  MonthBudget(House& house, const Ingestion& ingestion);

  /// Why a load of this day may not begin; it then pauses the ingestion, and raises the alert.
  /// None: it counts as begun.
  std::optional<Error> refuses(Day day, const std::string& current);
  /// The same of a day whose rows are known by now, and which is not published then.
  std::optional<Error> refuses(Day day, std::int64_t rows);
  /// What a publish must keep to; none: there is no budget.
  std::optional<catalog::RowBudget> this_month() const;
  void published(Day day);
  void not_published(Day day) { under_way_.erase(day); }

 private:
  Error pause(Day day, std::int64_t more, std::int64_t so_far);
  std::int64_t expected(Day day, const std::string& current) const;

  House& house_;
  const Ingestion& ingestion_;
  bool is_alert_open_ = false;
  std::map<Day, std::int64_t> under_way_;
};

}  // namespace millrace::pipeline
