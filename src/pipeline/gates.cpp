#include "pipeline/gates.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace millrace::pipeline {
namespace {

/// Looks through one gate after the other; each answers why it is closed, or nothing.
class Gates {
 public:
  Gates(warehouse::Connector& connector, const DayOrder& order, const Zone& zone, Upstream& saw,
        std::stop_token stop)
      : connector_(connector), order_(order), zone_(zone), saw_(saw), stop_(stop) {}

  std::optional<std::string> look_at(const Gate& gate) {
    switch (gate.kind) {
      case Gate::Kind::Sql:
        return ask(gate.text);
      case Gate::Kind::Table:
        return compare(gate.text);
      case Gate::Kind::Object:
        if (connector_.written(gate.text, order_.day, zone_, stop_)) return {};
        return absent(gate.text);
      case Gate::Kind::Call:
        break;  // Who sent the order takes it away once somebody called.
    }
    return fmt::format("nobody has said so yet: `millrace trigger NAME --day {}`, or a call",
                       order_.day.text());
  }

 private:
  static std::string absent(const std::string& what) {
    return fmt::format("there is no {} yet", what);
  }

  std::optional<std::string> ask(const std::string& sql) {
    const auto answer = connector_.scalar(sql, order_.day, zone_, stop_);
    if (answer == "true" || answer == "t" || answer == "1") return {};
    // Anything else may be a row's.
    const bool is_plain = answer == "false" || answer == "f" || answer == "0";
    return fmt::format("\"{}\" says {}", sql,
                       is_plain ? *answer
                       : answer ? "something that is neither true nor false"
                                : "nothing");
  }

  /// Of a table that was never looked at nothing can be said against it.
  std::optional<std::string> compare(const std::string& table) {
    const auto now = connector_.written(table, order_.day, zone_, stop_);
    if (!now) return absent(table);
    if (now->empty()) {
      throw Error(
          Fault::Misconfigured, "no_token",
          fmt::format("nothing tells when {} was written: it is a view, or a replica's", table),
          "Name the table that is written to, as `millrace browse` shows it, or ask with "
          "SQL: ready = [{ sql = \"select …\" }]");
    }
    saw_.emplace_back(table, *now);
    const auto then =
        std::ranges::find(order_.upstream, table, &std::pair<std::string, std::string>::first);
    if (then == order_.upstream.end() || then->second != *now) return {};
    return fmt::format("{} was not written to since the last load before the day was over", table);
  }

  warehouse::Connector& connector_;
  const DayOrder& order_;
  const Zone& zone_;
  Upstream& saw_;
  std::stop_token stop_;
};

}  // namespace

std::optional<std::string> why_not_ready(warehouse::Connector& connector, const DayOrder& order,
                                         const Zone& zone, Upstream& saw, std::stop_token stop) {
  Gates gates(connector, order, zone, saw, stop);
  for (const Gate& gate : order.ready) {
    if (auto why = gates.look_at(gate)) return why;
  }
  return {};
}

}  // namespace millrace::pipeline
