#include "pipeline/statements.h"

#include <map>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "pipeline/worker.h"

namespace millrace::pipeline {

EndedStatements end_statements(House& house, const Ingestion& ingestion,
                               const std::vector<std::string>& loads, std::stop_token stop) {
  WorkOrder order = order_for(house, ingestion, Verb::Cancel);
  for (const std::string& load : loads) {
    DayOrder day;
    day.load = load;
    order.days.push_back(std::move(day));
  }
  const json::Value answer = run_worker(order, {}, stop);
  return {answer.at("ended").get<std::int64_t>(),
          answer.at("still").get<std::vector<std::string>>()};
}

std::size_t close_dead_loads(House& house, std::stop_token stop) {
  std::map<std::string, std::vector<std::string>> dead;
  const auto closed = house.catalog.close_dead_loads();
  for (const auto& load : closed) {
    if (const auto owner = house.catalog.ingestion_by_id(load.ingestion)) {
      house.store.discard(owner->definition.dataset, load.id);
      dead[load.ingestion].push_back(load.id);
    }
  }
  for (const auto& [id, loads] : dead) {
    const Ingestion ingestion = *house.catalog.ingestion_by_id(id);
    try {
      const EndedStatements found = end_statements(house, ingestion, loads, stop);
      if (found.ended > 0 || !found.still.empty()) {
        log::warning("ended statements that a process left behind",
                     {{"ingestion", ingestion.handle},
                      {"ended", std::to_string(found.ended)},
                      {"still running", std::to_string(found.still.size())}});
      }
    } catch (const Error& error) {
      log::warning("could not ask the warehouse what a process left behind",
                   {{"ingestion", ingestion.handle}, {"error", error.what()}});
    }
  }
  return closed.size();
}

}  // namespace millrace::pipeline
