#include "schedule/asked_loads.h"

#include <algorithm>
#include <map>

#include "base/log.h"

namespace millrace::schedule {
namespace {

/// Days of a run that one request carries: a range that one statement may read.
constexpr std::size_t kPiece = 366;
constexpr std::chrono::seconds kPutOff(30);

bool goes_together(const catalog::Asked& a, const catalog::Asked& b) {
  return a.run == b.run && a.ingestion == b.ingestion;
}

bool is_backfill(const catalog::Asked& asked) { return asked.trigger == "backfill"; }

/// Somebody else has the day, or the catalog, or another day of the request was cancelled. (What is
/// itself cancelled is closed already.)
bool will_pass(const Error& error) {
  return error.code == "day_busy" || error.code == "catalog_busy" || error.code == "cancelled";
}

}  // namespace

int AskedLoads::run(std::stop_token drain) {
  int count = 0;
  while (!drain.stop_requested()) {
    constexpr std::int64_t kSeen = 400;
    std::vector<catalog::Asked> piece;
    const auto all = house_.catalog.asked(kSeen, which_);
    if (all.empty()) return count;
    for (const catalog::Asked& one : all) {
      if (one.published.empty() && goes_together(one, all.front()) && piece.size() < kPiece) {
        piece.push_back(one);
      }
      // Its process died between the publish and the note that it is done.
      if (!one.published.empty()) end(one, {});
    }
    if (piece.empty()) continue;
    count += static_cast<int>(piece.size());
    load(piece, drain);
  }
  return count;
}

void AskedLoads::load(const std::vector<catalog::Asked>& days, std::stop_token drain) {
  std::map<Day, catalog::Asked> open;
  for (const catalog::Asked& one : days) open[one.day] = one;
  const catalog::Asked& first = days.front();
  const auto close_all = [&](const Error& error) {
    for (const auto& [day, one] : open) end(one, error);
  };
  const auto ingestion = house_.catalog.ingestion_by_id(first.ingestion);
  if (!ingestion) {
    close_all(Error(Fault::Misconfigured, "unknown_ingestion", "the ingestion was removed"));
    return;
  }
  pipeline::LoadRequest request;
  request.ingestion = *ingestion;
  for (const auto& [day, one] : open) request.days.push_back(day);
  request.trigger = first.trigger;
  request.run = first.run;
  request.automatic = first.trigger != "manual";
  try {
    pipeline::load(
        house_, request, progress_,
        [&](const pipeline::DayOutcome& outcome) {
          const auto found = open.find(outcome.day);
          if (found == open.end()) return;
          // Left for the next process.
          if (outcome.error && drain.stop_requested() && outcome.error->fault == Fault::Cancelled) {
            open.erase(found);
            return;
          }
          end(found->second, outcome.error);
          done_(*ingestion, found->second, outcome);
          open.erase(found);
        },
        is_backfill(first) ? drain : std::stop_token());
  } catch (const Error& error) {
    log::warning("could not load what was asked for",
                 {{"ingestion", ingestion->handle}, {"error", error.what()}});
    close_all(error);
  }
}

void AskedLoads::end(const catalog::Asked& asked, const std::optional<Error>& error) {
  if (error && will_pass(*error)) {
    house_.catalog.put_off_asked(asked.id, house_.env.now() + kPutOff);
  } else {
    house_.catalog.end_asked(asked.id, error);
  }
}

}  // namespace millrace::schedule
