#include "pipeline/check_day.h"

#include "base/error.h"
#include "pipeline/repeatable.h"
#include "pipeline/stage_day.h"

namespace millrace::pipeline {
CheckResult check_day(const WorkOrder& work, const DayOrder& order, warehouse::Connector& connector,
                      std::optional<std::string>& token, std::stop_token stop) {
  check(order.known.has_value(), "a check knows what was loaded");
  const Query query = query_of(work.definition, work.ingestion);
  const Known& known = *order.known;
  CheckResult result;
  result.day = order.day;
  result.rows_then = known.rows;

  const bool snapshot = connector.snapshot(stop);
  token = token_of(connector, query, order.day, stop);
  if (token && known.token == token) {
    result.by = "token";
    return result;
  }
  const bool content = known.content_checks && known.fingerprint.has_value();
  // A fingerprint counts too: where one is asked anyway, a count of its own would read the day
  // twice.
  std::optional<Fingerprint> now;
  if (content) now = connector.fingerprint(query, order.day, false, stop);
  result.rows_now = now ? now->rows : rows_of(connector, query, order.day, stop);
  if (*result.rows_now != known.rows) {
    result.changed = true;
    result.by = "count";
    return result;
  }
  if (!content) {
    result.by = "count";
    result.note = known.content_checks ? "no fingerprint was taken when the day was loaded"
                                       : "content checks are off: the query is not repeatable";
    return result;
  }
  if (!now->comparable(*known.fingerprint)) {
    result.note =
        "not comparable: the warehouse, or the columns' types, changed since the day was loaded";
    return result;
  }
  result.by = "fingerprint";
  if (*now == *known.fingerprint) return result;
  const auto why = why_not_repeatable(connector, query, order.day, snapshot, *now, stop);
  result.repeatable = !why;
  if (why) {
    result.by.clear();
    result.note = *why;
    return result;
  }
  result.changed = true;
  return result;
}

}  // namespace millrace::pipeline
