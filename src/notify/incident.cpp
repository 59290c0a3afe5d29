#include "notify/incident.h"

#include <nlohmann/json.hpp>

#include "notify/line_json.h"

namespace millrace::notify {
namespace {

json::Value json_of(const std::vector<Member>& members) {
  json::Value list = json::Value::array();
  for (const Member& member : members) {
    list.push_back({{"ingestion", member.ingestion},
                    {"line", json_of(member.line)},
                    {"since", to_text(member.since)},
                    {"told", member.told}});
  }
  return list;
}

std::vector<Member> members_in(const json::Value& list) {
  std::vector<Member> members;
  for (const json::Value& one : list) {
    members.push_back({one.at("ingestion"), line_in(one.at("line")),
                       instant_from_text(one.at("since")), one.at("told")});
  }
  return members;
}

}  // namespace

std::string written(const Incident& incident) {
  json::Value value{{"kind", name_of(incident.kind)}, {"connection", incident.connection},
                    {"told", incident.told},          {"members", json_of(incident.members)},
                    {"gone", json_of(incident.gone)}, {"knows", json::Value::array()}};
  if (incident.told_at) value["told_at"] = to_text(*incident.told_at);
  for (const Target& target : incident.knows) {
    value["knows"].push_back({name_of(target.channel), target.name});
  }
  return value.dump(-1, ' ', false, json::Value::error_handler_t::replace);
}

Incident incident_in(const std::string& id, const std::string& cause, Instant opened_at,
                     const std::string& body) {
  const json::Value value = json::parse(body, "an incident in the catalog");
  try {
    Incident incident;
    incident.id = id;
    incident.cause = cause;
    incident.opened_at = opened_at;
    incident.kind = kind_named(value.at("kind"));
    incident.connection = value.at("connection");
    incident.told = value.at("told");
    incident.members = members_in(value.at("members"));
    incident.gone = members_in(value.at("gone"));
    if (value.contains("told_at")) incident.told_at = instant_from_text(value.at("told_at"));
    for (const json::Value& target : value.at("knows")) {
      incident.knows.insert({channel_named(target.at(0)), target.at(1)});
    }
    return incident;
  } catch (const json::Value::exception& error) {
    throw Error(
        Fault::BadData, "bad_json",
        std::string("an incident in the catalog lacks what it should say: ") + error.what());
  }
}

}  // namespace millrace::notify
