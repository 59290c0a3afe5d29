#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/routes.h"
#include "api/service.h"
#include "base/url.h"
#include "definition/plan.h"
#include "model/upkeep.h"

namespace millrace::api {
namespace {

constexpr std::string_view kOurFile = "file:millrace.toml";

/// Settings as a list, each with who may change it.
class Settings {
 public:
  void add(const std::string& name, json::Value value, std::string_view managed_by = kOurFile) {
    all_.push_back({{"name", name}, {"value", std::move(value)}, {"managed_by", managed_by}});
  }
  json::Value take() { return std::move(all_); }

 private:
  json::Value all_ = json::Value::array();
};

void add_project(Settings& settings, Call& call) {
  const definition::Configuration& configuration = call.service.configuration();
  json::Value ours = json::Value::array(), of_api = json::Value::array();
  for (const catalog::UnitType& type : call.catalog.unit_types()) {
    (type.file ? ours : of_api).push_back(type.name);
  }
  settings.add("project.id", configuration.project.id);
  settings.add("project.zone", configuration.project.zone.name());
  settings.add("project.unit_types", std::move(ours));
  settings.add("unit_id_types", std::move(of_api), "api");
  settings.add("project.owner", configuration.notify.owner);
  for (const auto& [dataset, hour] : call.catalog.dataset_hours()) {
    settings.add(fmt::format("schedule.{}.scheduled_hour_pst", shown(dataset)), hour, "api");
  }
}

void add_service(Settings& settings, const definition::Configuration& configuration) {
  using std::chrono::days, std::chrono::duration_cast;
  const Retention& kept = configuration.retention;
  settings.add("retention.versions_days", duration_cast<days>(kept.versions).count());
  settings.add("retention.quarantine_days", duration_cast<days>(kept.quarantine).count());
  settings.add("service.runs_at_once", configuration.service.runs_at_once);
  settings.add("service.load_seconds", configuration.service.load_most.count());
  settings.add("server.listen", configuration.listen);
  if (configuration.oidc) settings.add("server.oidc.issuer", configuration.oidc->issuer);
}

void add_notify(Settings& settings, const NotifySettings& notify) {
  settings.add("notify.digest",
               notify.digest_minutes < 0 ? "off" : clock_text(notify.digest_minutes));
  settings.add("notify.link", notify.link);
  settings.add("notify.gather_seconds", notify.gather.count());
  if (!notify.smtp.host.empty()) {
    settings.add("notify.smtp.host", notify.smtp.host);
    settings.add("notify.smtp.port", notify.smtp.port);
    settings.add("notify.smtp.from", notify.smtp.from);
    settings.add("notify.smtp.tls", notify.smtp.tls);
  }
  if (!notify.slack.token.empty()) {
    settings.add("notify.slack.channels", notify.slack.channels);
    settings.add("notify.slack.direct", notify.slack.direct);
  }
  for (const auto& [name, webhook] : notify.webhooks) {
    settings.add(fmt::format("notify.webhook.{}.host", name), host_of(webhook.url));
  }
}

Answer settings(Call& call) {
  Settings all;
  add_project(all, call);
  add_service(all, call.service.configuration());
  add_notify(all, call.service.configuration().notify);
  for (const Ingestion& one : call.catalog.ingestions()) {
    if (const auto rows = one.limits.rows_per_month) {
      all.add(fmt::format("ingestion.{}.limits.rows_per_month", one.handle), *rows, one.managed_by);
    }
  }
  return one("Settings listed successfully.", all.take());
}

definition::FileTexts sent_file(const json::Value& body) {
  const std::string name = text_or_empty(body, "file");
  if (!definition::is_set_name(name)) bad_request("file must be a name such as shop/orders.toml");
  definition::FileText file{.name = std::string(definition::kSetRoot) + name,
                            .text = text_or_empty(body, "toml")};
  if (is_given(body, "queries")) body["queries"].get_to(file.queries);
  return {.origin = file.name, .files = {file}};
}

/// With the place of what is wrong.
definition::FileSet understood(const Call& call) {
  try {
    return definition::understand(sent_file(call.body), call.service.configuration(call.catalog));
  } catch (const Error& error) {
    if (error.where.empty()) throw;
    throw error.reworded([&](const std::string& text) { return error.where + ": " + text; });
  }
}

Answer plan(Call& call) {
  const definition::FileSet files = understood(call);
  const definition::Plan plan =
      definition::plan(files, call.catalog, flag_in(call.body, "prune").value_or(false));
  json::Value changes = json::Value::array();
  for (const definition::Change& change : plan.changes) {
    changes.push_back(definition::change_json(change));
  }
  return one("Planned; nothing was changed.",
             {{"changes", std::move(changes)}, {"is_empty", plan.empty()}});
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/api/v1/settings",
     .access = Access::Read,
     .about = "What this service goes by, by the names of `millrace.toml` where that holds it, and "
              "who may change each: a file, or the API. No secrets; of a webhook its host.",
     .gives = "one [{name*: text, value*: any, managed_by*: text}]",
     .answer = settings},
    {.method = "POST",
     .path = "/api/v1/plan",
     .access = Access::Read,
     .about =
         "What `apply --server --as` of this text would add, change, remove, revive and keep. "
         "`set` is the name that `--as` gives; `queries` the SQL that `query_file` names. What "
         "another file or the API owns, and this would change, is a 409 that names it.",
     .body = "{file*: name, toml*: text, queries: {: text}, prune: flag}",
     .gives = "one {changes*: [Change], is_empty*: flag}",
     .refuses = "404 409",
     .answer = plan},
};

}  // namespace

std::span<const Route> settings_routes() { return kRoutes; }

}  // namespace millrace::api
