#include "catalog/record.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "catalog/session.h"
#include "model/json.h"

namespace millrace::catalog {
namespace {

constexpr int kFormat = 1;

constexpr std::pair<What, std::string_view> kWords[] = {
    {What::Define, "define"},   {What::Archive, "archive"}, {What::Remove, "remove"},
    {What::Publish, "publish"}, {What::Hold, "hold"},       {What::Undo, "undo"},
    {What::Release, "release"},
};

std::string_view word_of(What what) {
  for (const auto& [known, word] : kWords) {
    if (known == what) return word;
  }
  throw std::logic_error("a publish record has a known word");
}

What what_in(const std::string& word) {
  for (const auto& [what, known] : kWords) {
    if (known == word) return what;
  }
  throw Error(Fault::BadData, "bad_json", "a publish record says '" + word + "'",
              "It was written by a newer Millrace; use that one");
}

json::Value from(const Ingestion& ingestion) {
  return {{"id", ingestion.id},
          {"handle", ingestion.handle},
          {"name", ingestion.name},
          {"connection", ingestion.connection},
          {"kind", ingestion.kind},
          {"revision", revision_of(ingestion.definition)},
          {"definition", json::from(ingestion.definition)},
          {"limits", json::from(ingestion.limits)},
          {"upkeep", json::from(ingestion.upkeep)},
          {"audience", json::from(ingestion.audience)},
          {"managed_by", ingestion.managed_by},
          {"archived", ingestion.archived}};
}

Ingestion ingestion_in(const json::Value& value) {
  Ingestion ingestion;
  value.at("id").get_to(ingestion.id);
  value.at("handle").get_to(ingestion.handle);
  value.at("name").get_to(ingestion.name);
  value.at("connection").get_to(ingestion.connection);
  value.at("kind").get_to(ingestion.kind);
  ingestion.definition = json::definition(value.at("definition"));
  ingestion.limits = json::limits(value.at("limits"));
  if (value.contains("upkeep")) ingestion.upkeep = json::upkeep(value.at("upkeep"));
  if (value.contains("audience")) ingestion.audience = json::audience(value.at("audience"));
  value.at("managed_by").get_to(ingestion.managed_by);
  value.at("archived").get_to(ingestion.archived);
  return ingestion;
}

json::Value from(const LoadRow& load) {
  return {{"id", load.id},
          {"revision", load.revision},
          {"run", load.run},
          {"trigger", load.trigger},
          {"started_at", to_text(load.started_at)}};
}

LoadRow load_in(const json::Value& value) {
  LoadRow load;
  value.at("id").get_to(load.id);
  value.at("revision").get_to(load.revision);
  value.at("run").get_to(load.run);
  value.at("trigger").get_to(load.trigger);
  load.started_at = instant_from_text(value.at("started_at").get<std::string>());
  return load;
}

Record record_from(const json::Value& value) {
  Record record;
  record.what = what_in(value.at("what").get<std::string>());
  value.at("seq").get_to(record.seq);
  record.at = instant_from_text(value.at("at").get<std::string>());
  record.ingestion = ingestion_in(value.at("ingestion"));
  if (value.contains("definition")) record.definition = json::definition(value["definition"]);
  if (value.contains("state")) record.state = json::day_state(value["state"]);
  if (value.contains("load")) record.load = load_in(value["load"]);
  if (value.contains("version")) {
    record.version = json::version(value["version"]);
    value.at("version_flags").get_to(record.version_flags);
  }
  if (value.contains("ledger")) record.billable = value["ledger"].at("rows").get<std::int64_t>();
  if (value.contains("manifest")) record.manifest = json::manifest(value["manifest"]);
  if (value.contains("note")) value["note"].get_to(record.note);
  if (record.load) {
    check(record.state.has_value(), "a record of a load names its day");
    record.load->ingestion = record.ingestion.id;
    record.load->day = record.state->day;
  }
  return record;
}

bool changes_files(What what) {
  return what == What::Publish || what == What::Undo || what == What::Remove;
}

}  // namespace

std::string text_of(const Record& record) {
  json::Value value = {{"format", kFormat},
                       {"seq", record.seq},
                       {"what", word_of(record.what)},
                       {"at", to_text(record.at)},
                       {"ingestion", from(record.ingestion)}};
  if (record.definition) value["definition"] = json::from(*record.definition);
  if (record.load) value["load"] = from(*record.load);
  if (record.version) {
    value["version"] = json::from(*record.version);
    value["version_flags"] = record.version_flags;
  }
  if (record.state) value["state"] = json::from(*record.state);
  if (record.billable) value["ledger"] = {{"rows", *record.billable}};
  if (record.manifest) value["manifest"] = json::from(*record.manifest);
  if (!record.note.empty()) value["note"] = record.note;
  return value.dump();
}

Record record_in(const std::string& text) {
  const json::Value value = json::parse(text, "publish record");
  try {
    return record_from(value);
  } catch (const nlohmann::json::exception& error) {
    throw Error(Fault::BadData, "bad_json",
                std::string("could not read a publish record: ") + error.what());
  }
}

Published announce(Session& session, Record record) {
  const Dataset dataset = record.ingestion.definition.dataset;
  record.seq = next_seq(session, dataset);
  if (record.at == Instant{}) record.at = session.env.now();
  apply(session, record);
  Published published{record.seq, dataset, text_of(record)};
  owe(session, "publish_record", published);
  if (changes_files(record.what)) owe(session, "delta", {record.seq, dataset, {}});
  return published;
}

}  // namespace millrace::catalog
