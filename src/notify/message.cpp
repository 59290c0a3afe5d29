#include "notify/message.h"

#include <stdexcept>

#include <nlohmann/json.hpp>

#include "notify/line_json.h"

namespace millrace::notify {
namespace {

constexpr Channel kChannels[] = {Channel::Mail, Channel::Direct, Channel::Slack, Channel::Webhook};
constexpr Kind kKinds[] = {Kind::Failed,     Kind::Held,       Kind::NoData,  Kind::Late,
                           Kind::NotChecked, Kind::OverBudget, Kind::LeftOut, Kind::Recovered,
                           Kind::Backfill,   Kind::Digest,     Kind::Test};

[[noreturn]] void refuse_word(const std::string& word) {
  throw Error(Fault::BadData, "bad_json", "a message in the catalog says \"" + word + "\"",
              "It was written by a newer Millrace; use that one");
}

}  // namespace

json::Value json_of(const Line& line) {
  json::Value value{{"ingestion", line.ingestion}, {"outcome", line.outcome},
                    {"first", line.first.text()},  {"last", line.last.text()},
                    {"days", line.days},           {"rows", line.rows},
                    {"rejected", line.rejected}};
  if (line.error) value["error"] = json::from(*line.error);
  if (!line.note.empty()) value["note"] = line.note;
  if (!line.run.empty()) value["run"] = line.run;
  return value;
}

Line line_in(const json::Value& value) {
  Line line;
  line.ingestion = value.at("ingestion");
  line.outcome = value.at("outcome");
  line.first = Day::parse(value.at("first").get<std::string>()).value();
  line.last = Day::parse(value.at("last").get<std::string>()).value();
  line.days = value.at("days");
  line.rows = value.at("rows");
  line.rejected = value.at("rejected");
  if (value.contains("error")) line.error = json::error(value.at("error"));
  line.note = value.value("note", "");
  line.run = value.value("run", "");
  return line;
}

std::string_view name_of(Channel channel) {
  switch (channel) {
    case Channel::Mail:
      return "mail";
    case Channel::Direct:
      return "direct";
    case Channel::Slack:
      return "slack";
    case Channel::Webhook:
      return "webhook";
  }
  throw std::logic_error("a channel without a name");
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::Failed:
      return "failed";
    case Kind::Held:
      return "held";
    case Kind::NoData:
      return "no_data";
    case Kind::Late:
      return "late";
    case Kind::NotChecked:
      return "not_checked";
    case Kind::OverBudget:
      return "over_budget";
    case Kind::LeftOut:
      return "left_out";
    case Kind::Recovered:
      return "recovered";
    case Kind::Backfill:
      return "backfill";
    case Kind::Digest:
      return "digest";
    case Kind::Test:
      return "test";
  }
  throw std::logic_error("a kind of message without a name");
}

Channel channel_named(const std::string& name) {
  for (const Channel channel : kChannels) {
    if (name_of(channel) == name) return channel;
  }
  refuse_word(name);
}

Kind kind_named(const std::string& name) {
  for (const Kind kind : kKinds) {
    if (name_of(kind) == name) return kind;
  }
  refuse_word(name);
}

std::string written(const Message& message) {
  json::Value value{{"kind", name_of(message.kind)},
                    {"key", message.key},
                    {"thread", message.thread},
                    {"channel", name_of(message.target.channel)},
                    {"target", message.target.name},
                    {"at", to_text(message.at)},
                    {"connection", message.connection},
                    {"lines", json::Value::array()},
                    {"more", message.more},
                    {"link", message.link}};
  for (const Line& line : message.lines) value["lines"].push_back(json_of(line));
  const Counts& counts = message.counts;
  value["counts"] = {{"succeeded", counts.succeeded},
                     {"no_data", counts.no_data},
                     {"failed", counts.failed},
                     {"held", counts.held},
                     {"recovered", counts.recovered}};
  // Warehouses say things in any encoding.
  return value.dump(-1, ' ', false, json::Value::error_handler_t::replace);
}

Message message_in(const std::string& text) {
  const json::Value value = json::parse(text, "a message in the outbox");
  try {
    Message message;
    message.kind = kind_named(value.at("kind"));
    message.key = value.at("key");
    message.thread = value.at("thread");
    message.target = {channel_named(value.at("channel")), value.at("target")};
    message.at = instant_from_text(value.at("at"));
    message.connection = value.at("connection");
    for (const json::Value& line : value.at("lines")) message.lines.push_back(line_in(line));
    message.more = value.at("more");
    message.link = value.at("link");
    const json::Value& counts = value.at("counts");
    message.counts = {counts.at("succeeded"), counts.at("no_data"), counts.at("failed"),
                      counts.at("held"), counts.at("recovered")};
    return message;
  } catch (const json::Value::exception& error) {
    throw Error(Fault::BadData, "bad_json",
                std::string("a message in the outbox lacks what it should say: ") + error.what());
  }
}

}  // namespace millrace::notify
