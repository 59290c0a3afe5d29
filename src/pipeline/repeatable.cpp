#include "pipeline/repeatable.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <vector>

namespace millrace::pipeline {
namespace {

constexpr int kAttemptsWithoutSnapshot = 3;

std::string columns_that_differ(const Fingerprint& a, const Fingerprint& b) {
  std::vector<std::string> moving;
  for (std::size_t i = 0; i < a.by_column.size() && i < b.by_column.size(); ++i) {
    if (a.by_column[i] != b.by_column[i]) moving.push_back(a.by_column[i].first);
  }
  if (moving.empty()) return "its rows differ";
  return fmt::format("{} {}", fmt::join(moving, ", "), moving.size() == 1 ? "differs" : "differ");
}

}  // namespace

std::optional<std::string> why_not_repeatable(warehouse::Connector& connector, const Query& query,
                                              Day day, bool snapshot, Fingerprint& first,
                                              std::stop_token stop) {
  const std::unique_ptr<warehouse::Connector> twin = connector.twin(stop);
  for (int i = 0; i < (snapshot ? 1 : kAttemptsWithoutSnapshot); ++i) {
    if (i > 0) first = connector.fingerprint(query, day, false, stop);
    if (twin->fingerprint(query, day, false, stop) == first) return {};
  }
  const std::string columns = columns_that_differ(connector.fingerprint(query, day, true, stop),
                                                  twin->fingerprint(query, day, true, stop));
  return fmt::format(
      "the query is not repeatable: {} each time it is asked, so content checks are "
      "off; make the query deterministic, or unmap the column",
      columns);
}

bool is_doubted(catalog::Catalog& catalog, const std::string& current, const std::string& revision,
                const std::optional<DayState>& state) {
  if (current.empty() || (state && (state->flags & kNotRepeatable) != 0)) return true;
  const auto version = catalog.version(current);
  return !version || version->revision != revision;
}

}  // namespace millrace::pipeline
