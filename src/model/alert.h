#pragma once

/// What an alert may be about: something that people should know and that no load says.
namespace millrace {

inline constexpr const char* kNotFresh = "not_fresh";      ///< A day is not there by `fresh_by`.
inline constexpr const char* kNotChecked = "not_checked";  ///< Checks of loaded days fail.

}  // namespace millrace
