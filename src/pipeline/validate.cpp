#include <nlohmann/json.hpp>

#include "base/log.h"
#include "pipeline/load.h"
#include "pipeline/worker.h"

namespace millrace::pipeline {

Manifest validate(House& house, const Ingestion& ingestion, Day day, const OnProgress& progress,
                  std::stop_token stop) {
  WorkOrder order = order_for(house, ingestion, Verb::Validate);
  DayOrder wanted;
  wanted.load = new_id(house.env);
  wanted.day = day;
  wanted.staging = house.store.stage(ingestion.definition.dataset, {wanted.load}).front();
  order.days.push_back(wanted);
  struct Discard {
    House& house;
    Dataset dataset;
    std::string load;
    ~Discard() {
      try {
        house.store.discard(dataset, load);
      } catch (const Error& error) {
        log::warning("could not remove a staging folder", {{"error", error.what()}});
      }
    }
  } discard{house, ingestion.definition.dataset, wanted.load};
  const auto reply = [&](const json::Value& line) {
    if (progress && line.contains("progress")) progress(json::progress(line["progress"]));
  };
  return json::manifest(run_worker(order, reply, stop));
}

}  // namespace millrace::pipeline
