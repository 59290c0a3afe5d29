#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace millrace {

/// What the *caller* does about an error; nothing else distinguishes errors in this code.
enum class Fault {
  Misconfigured,  ///< A person must change a setting, a query or a permission.
  BadData,        ///< The data cannot be loaded as mapped; a person must look at it.
  Throttled,      ///< Try again after `retry_after`.
  Unavailable,    ///< Try again soon: network, a server that restarts, a full disk.
  Conflict,       ///< Somebody else holds or changed it; look again, then decide.
  Cancelled,      ///< Somebody asked to stop.
};

/// What a fault means for a job: the only place where that is decided.
struct Policy {
  bool retry;           ///< The same order may succeed without anybody's help.
  bool tells_a_person;  ///< Somebody must be told now, not only after the last retry.
};
Policy policy_of(Fault fault);
std::string_view name_of(Fault fault);
Fault fault_named(std::string_view name);

/// One failure as a person meets it, the same in the terminal, the log, the API and a mail.
/// `what()` is a sentence without a full stop: what we did, to what, what came back. It never holds
/// the value of a row: what a warehouse may have quoted of one is "…" there, see base/quoted.h.
class Error : public std::runtime_error {
 public:
  Error(Fault what_to_do, std::string word, const std::string& message, std::string next_step = {});

  Fault fault;
  std::string code;  ///< Stable snake_case word, e.g. `wrong_password`; documented, never renamed.
  std::string advice;  ///< What to do next, in the reader's words; empty where nothing helps.
  std::string where;   ///< File and line, connection, or ingestion and day; filled on the way up.
  std::optional<std::chrono::seconds> retry_after;
  std::string in_full;  ///< `what()` with its values; empty where it has none. Neither logged nor
                        ///< sent: for who may see rows.

  /// What is shown to somebody.
  std::string text(bool sees_rows) const {
    return sees_rows && !in_full.empty() ? in_full : what();
  }
  /// The same error, both of its texts changed alike.
  template <typename Change>
  Error reworded(Change change) const {
    Error changed(fault, code, change(std::string(what())), advice);
    changed.where = where;
    changed.retry_after = retry_after;
    if (!in_full.empty()) changed.in_full = change(in_full);
    return changed;
  }
  /// The same error, located. Keeps the first location given.
  Error at(std::string_view place) const;
};

/// Ends the job with std::logic_error when one of our own assumptions is wrong; on in production.
void check(bool holds, std::string_view assumption);

}  // namespace millrace
