#include "model/version.h"

#include <stdexcept>

namespace millrace {

std::int64_t rows_of_day(const Certificate& certificate) {
  const auto outside = certificate.excluded_by_rule.find("outside_day");
  return certificate.read - (outside == certificate.excluded_by_rule.end() ? 0 : outside->second);
}

std::string_view name_of(VersionKind kind) {
  switch (kind) {
    case VersionKind::Replace:
      return "replace";
    case VersionKind::Append:
      return "append";
    case VersionKind::Replay:
      return "replay";
  }
  throw std::logic_error("a kind of version without a name");
}

std::string_view name_of(Attempt attempt) {
  switch (attempt) {
    case Attempt::None:
      return "none";
    case Attempt::Waiting:
      return "waiting";
    case Attempt::Loading:
      return "loading";
    case Attempt::Loaded:
      return "loaded";
    case Attempt::Empty:
      return "empty";
    case Attempt::Failed:
      return "failed";
    case Attempt::Rejected:
      return "rejected";
  }
  throw std::logic_error("an attempt without a name");
}

std::string_view name_of(ChangedBy by) {
  switch (by) {
    case ChangedBy::Nothing:
      return "nothing";
    case ChangedBy::Token:
      return "token";
    case ChangedBy::Count:
      return "count";
    case ChangedBy::Fingerprint:
      return "fingerprint";
    case ChangedBy::NotComparable:
      return "not_comparable";
    case ChangedBy::NotRepeatable:
      return "not_repeatable";
    case ChangedBy::NeverLoaded:
      return "never_loaded";
  }
  throw std::logic_error("an answer of a check without a name");
}

std::string status_of(const DayState& state, bool current_is_empty) {
  if (state.attempt == Attempt::Loading) return "loading";
  if (state.flags & kHeld) return "held";
  if (state.attempt == Attempt::Failed || state.attempt == Attempt::Rejected) return "failed";
  if (state.current.empty()) {
    return state.attempt == Attempt::Waiting ? "waiting" : "never loaded";
  }
  if (state.flags & kProvisional) return "provisional";
  return current_is_empty ? "succeeded, no data" : "succeeded";
}

std::vector<std::string> remarks_of(unsigned flags) {
  constexpr std::pair<DayFlag, const char*> kRemarks[] = {{kProvisional, "provisional"},
                                                          {kMovedDuringRead, "moved during read"},
                                                          {kUnusualVolume, "unusual volume"},
                                                          {kNotRepeatable, "not repeatable"}};
  std::vector<std::string> remarks;
  for (const auto& [flag, remark] : kRemarks) {
    if (flags & flag) remarks.emplace_back(remark);
  }
  return remarks;
}

std::string known_difference(const CheckResult& result) {
  if (result.error) return std::string("could not be checked: ") + result.error->what();
  if (result.rows_then && result.rows_now && *result.rows_then != *result.rows_now) {
    return "the warehouse has " + std::to_string(*result.rows_now) + " rows, " +
           std::to_string(*result.rows_then) + " were read";
  }
  if (result.changed) return "the warehouse has other values in as many rows";
  return result.by.empty() ? result.note : std::string();
}

}  // namespace millrace
