#include <nlohmann/json.hpp>

#include "model/json.h"
#include "notify/text.h"

namespace millrace::notify {

std::string webhook_body(const Message& message, const std::string& event) {
  json::Value lines = json::Value::array();
  for (const Line& line : message.lines) {
    json::Value& one = lines.emplace_back(json::Value{{"ingestion", line.ingestion},
                                                      {"outcome", line.outcome},
                                                      {"first_day", line.first.text()},
                                                      {"last_day", line.last.text()},
                                                      {"days", line.days},
                                                      {"rows", line.rows},
                                                      {"rejected", line.rejected}});
    if (line.error) one["error"] = json::from(*line.error);
    if (!line.note.empty()) one["note"] = line.note;
    if (!line.run.empty()) one["run"] = line.run;
  }
  json::Value data{{"id", event},
                   {"key", message.key},
                   {"thread", message.thread},
                   {"title", title_of(message)},
                   {"lines", lines},
                   {"more", message.more}};
  if (!message.connection.empty()) data["connection"] = message.connection;
  if (message.kind == Kind::Digest || message.kind == Kind::Backfill) {
    const Counts& counts = message.counts;
    data["counts"] = {{"succeeded", counts.succeeded},
                      {"no_data", counts.no_data},
                      {"failed", counts.failed},
                      {"held", counts.held},
                      {"recovered", counts.recovered}};
  }
  const json::Value body{{"type", "millrace." + std::string(name_of(message.kind))},
                         {"timestamp", to_text(message.at)},
                         {"data", data}};
  return body.dump(-1, ' ', false, json::Value::error_handler_t::replace);
}

}  // namespace millrace::notify
