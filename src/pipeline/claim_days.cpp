#include "pipeline/claim_days.h"

#include "pipeline/loadable_days.h"
#include "pipeline/repeatable.h"

namespace millrace::pipeline {
namespace {

/// A call is known here; what it waits for else, the worker finds out. Who is not called need not
/// wake the warehouse.
void wait_for(House& house, const LoadRequest& request, DayOrder& order) {
  if (request.ready.empty()) return;
  const std::string& ingestion = request.ingestion.id;
  order.upstream =
      house.catalog.upstream_before(ingestion, house.project.zone.bounds(order.day).end);
  for (const Gate& gate : request.ready) {
    if (gate.kind != Gate::Kind::Call) {
      order.ready.push_back(gate);
    } else if (!house.catalog.was_called(ingestion, order.day)) {
      order.ready.insert(order.ready.begin(), gate);
    }
  }
}

ClaimedDay claim(House& house, const LoadRequest& request, const std::string& revision,
                 const std::string& run, MonthBudget& budget, Day day) {
  const auto state = house.catalog.day(request.ingestion.id, day);
  if (request.automatic && state && (state->flags & kHeld) && state->held_load.empty()) {
    throw Error(Fault::Conflict, "day_held", "the day was taken back by a person",
                "Release it with `millrace release`, or load it explicitly");
  }
  if (const auto over = budget.refuses(day, state ? state->current : std::string())) throw *over;
  ClaimedDay claimed;
  claimed.lease =
      house.catalog.begin_load(request.ingestion.id, day, revision, run, request.trigger);
  claimed.is_provisional = day > latest_day(house);
  DayOrder& order = claimed.order;
  order.load = claimed.lease.load;
  order.day = day;
  wait_for(house, request, order);
  order.waits_for_data = request.waits_for_data;
  order.is_doubted = is_doubted(house.catalog, claimed.lease.current, revision, state);
  return claimed;
}

}  // namespace

Claims claim_days(House& house, const LoadRequest& request, const std::string& run,
                  MonthBudget& budget, std::span<const Day> days) {
  const std::string revision = revision_of(request.ingestion.definition);
  Claims claims;
  try {
    house.catalog.atomically([&] {
      for (const Day day : days) {
        try {
          claims.taken.push_back(claim(house, request, revision, run, budget, day));
        } catch (const Error& error) {
          claims.refused.emplace_back(day, error);
        }
      }
    });
  } catch (const Error& error) {
    claims = {};
    for (const Day day : days) claims.refused.emplace_back(day, error);
  }
  return claims;
}

}  // namespace millrace::pipeline
