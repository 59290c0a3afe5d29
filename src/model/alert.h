#pragma once

/// What an alert may be about: something that people should know and that no load says.
namespace millrace {

inline constexpr const char* kNotFresh = "not_fresh";      ///< A day is not there by `fresh_by`.
inline constexpr const char* kNotChecked = "not_checked";  ///< Checks of loaded days fail.
/// A load would have exceeded `rows_per_month`, so the ingestion was paused.
inline constexpr const char* kOverBudget = "over_budget";
/// Days that nobody loaded lie further back than the scheduler looks.
inline constexpr const char* kLeftOut = "left_out";

}  // namespace millrace
