#include "pipeline/count.h"

#include <nlohmann/json.hpp>

#include "pipeline/worker.h"

namespace millrace::pipeline {

std::vector<DayCount> count(House& house, const Ingestion& ingestion, DayRange days, bool by_name,
                            std::stop_token stop) {
  WorkOrder order = order_for(house, ingestion, Verb::Count);
  for (const Day day : {days.first, days.last}) order.days.push_back({.day = day});
  if (by_name) order.text = "name";
  std::vector<DayCount> counts;
  for (const json::Value& line : run_worker(order, {}, stop)) {
    DayCount& one = counts.emplace_back();
    one.day = Day::parse(line.at("day").get<std::string>()).value();
    one.name = line.at("name").get<std::string>();
    one.rows = line.at("rows").get<std::int64_t>();
  }
  return counts;
}

}  // namespace millrace::pipeline
