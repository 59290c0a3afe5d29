#include "schedule/asked_loads.h"

#include <map>
#include <optional>

#include "base/log.h"
#include "pipeline/loadable_days.h"

namespace millrace::schedule {
namespace {

/// Days of a run that one request carries: a range that one statement may read. What is read day by
/// day gains nothing from a longer one, and others wait for their turn.
constexpr std::int64_t kPiece = 366, kPieceByDay = 31;
constexpr std::chrono::seconds kPutOff(30);

bool is_backfill(const catalog::Asked& asked) { return asked.trigger == "backfill"; }

/// Somebody else has the day, or the catalog, or another day of the request was cancelled. (What is
/// itself cancelled is closed already.)
bool will_pass(const Error& error) {
  return error.code == "day_busy" || error.code == "catalog_busy" || error.code == "cancelled";
}

}  // namespace

int AskedLoads::run(const Job& job, std::stop_token drain) {
  const auto ingestion = house_.catalog.ingestion_by_id(job.ingestion);
  const bool by_day = ingestion && pipeline::is_read_day_by_day(ingestion->definition);
  std::vector<catalog::Asked> piece;
  for (const catalog::Asked& one :
       house_.catalog.asked(by_day ? kPieceByDay : kPiece, job.run, job.ingestion)) {
    if (!ingestion) {
      end(one, Error(Fault::Misconfigured, "unknown_ingestion", "the ingestion was removed"));
    } else if (one.published.empty()) {
      piece.push_back(one);
    } else {
      // Its process died between the publish and the note that it is done.
      end(one, {});
    }
  }
  if (!piece.empty()) load(*ingestion, by_day ? job.reads : 1, piece, drain);
  return static_cast<int>(piece.size());
}

void AskedLoads::load(const Ingestion& ingestion, int reads,
                      const std::vector<catalog::Asked>& days, std::stop_token drain) {
  std::map<Day, catalog::Asked> open;
  for (const catalog::Asked& one : days) open[one.day] = one;
  const catalog::Asked& first = days.front();
  pipeline::LoadRequest request;
  request.ingestion = ingestion;
  for (const auto& [day, one] : open) request.days.push_back(day);
  request.trigger = first.trigger;
  request.run = first.run;
  request.jobs = reads;
  request.automatic = first.trigger != "manual";
  request.is_wanted = [&](Day day) {
    const auto found = open.find(day);
    return found != open.end() && house_.catalog.is_asked(found->second.id);
  };
  std::optional<Error> stopped;
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
          if (outcome.error && outcome.error->code == "range_stopped") stopped = outcome.error;
          end(found->second, outcome.error);
          done_(ingestion, found->second, outcome);
          open.erase(found);
        },
        is_backfill(first) ? drain : std::stop_token());
  } catch (const Error& error) {
    log::warning("could not load what was asked for",
                 {{"ingestion", ingestion.handle}, {"run", first.run}, {"error", error.what()}});
    for (const auto& [day, one] : open) end(one, error);
  }
  if (!stopped) return;
  // The next pieces would fail alike.
  for (const catalog::Asked& one :
       house_.catalog.asked(catalog::kAskedMost, first.run, first.ingestion)) {
    end(one, stopped);
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
