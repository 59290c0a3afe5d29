#include "api/connections.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/patience.h"
#include "api/service.h"
#include "base/error.h"
#include "definition/vault.h"
#include "pipeline/worker.h"

namespace millrace::api {
namespace {

constexpr std::string_view kSealed = "secret:";

bool is_secret(const warehouse::Kind& kind, const std::string& name) {
  return std::ranges::any_of(kind.settings, [&](const warehouse::Setting& setting) {
    return setting.secret && setting.name == name;
  });
}

void refuse_references(const std::map<std::string, std::string>& settings) {
  constexpr std::string_view kPrefixes[] = {"env:", "file:", kSealed};
  for (const auto& [name, value] : settings) {
    for (const std::string_view prefix : kPrefixes) {
      if (!value.starts_with(prefix)) continue;
      bad_request(fmt::format(
          "{}: references ({}…) are taken only from files of this server; send the secret itself, "
          "it is encrypted and never shown again",
          name, prefix));
    }
  }
}

/// Its stored secrets would travel to wherever the caller says now.
void require_secrets_again(const warehouse::Kind& kind, const Connection& known,
                           const std::map<std::string, std::string>& settings) {
  const bool leads_elsewhere = std::ranges::any_of(settings, [&](const auto& given) {
    const auto before = known.settings.find(given.first);
    const bool is_same = before != known.settings.end() && before->second == given.second;
    return !is_secret(kind, given.first) && !is_same;
  });
  if (!leads_elsewhere) return;
  for (const auto& [name, value] : known.settings) {
    if (is_secret(kind, name) && !value.empty() && !settings.contains(name)) {
      bad_request(fmt::format(
          "{} must be given again: a setting that is no secret changes, and stored secrets follow "
          "nobody to another server",
          name));
    }
  }
}

}  // namespace

Connection put_settings(Call& call, Connection connection,
                        const std::map<std::string, std::string>& settings) {
  require_grant(call, "connection.use", connection.name);
  const warehouse::Kind& kind = warehouse::kind_named(connection.kind);
  refuse_references(settings);
  require_secrets_again(kind, connection, settings);
  std::map<std::string, Secret> secrets;
  for (const auto& [name, value] : settings) {
    const std::string sealed = definition::secret_name(connection.name, name);
    if (value.empty()) {
      connection.settings.erase(name);
    } else if (is_secret(kind, name)) {
      secrets[sealed] = Secret(value);
      connection.settings[name] = std::string(kSealed) + sealed;
    } else {
      connection.settings[name] = value;
    }
  }
  warehouse::validate(kind, connection.settings, call.service.configuration().file_roots);
  call.catalog.atomically([&] {
    definition::Vault vault = call.service.vault(call.catalog);
    for (const auto& [name, value] : secrets) vault.put(name, value);
    call.catalog.put_connection(connection);
  });
  return connection;
}

Connection connection_named(Call& call, const std::string& name) {
  auto connection = call.catalog.connection(name);
  if (!connection) not_found(fmt::format("There is no connection {}", name));
  return *std::move(connection);
}

void require_ours(const Connection& connection) {
  if (!connection.managed_by.starts_with("file:")) return;
  throw Error(Fault::Conflict, "managed_elsewhere",
              fmt::format("the connection {} is managed by the file {}", connection.name,
                          connection.managed_by.substr(5)),
              "Change it there, and apply it");
}

json::Value connection_json(const Connection& connection) {
  const warehouse::Kind& kind = warehouse::kind_named(connection.kind);
  json::Value settings = json::Value::object();
  for (const auto& [name, value] : connection.settings) {
    settings[name] = is_secret(kind, name) ? "•••" : value;
  }
  return {{"name", connection.name},
          {"kind", connection.kind},
          {"settings", settings},
          {"managed_by", connection.managed_by}};
}

json::Value settings_json(const warehouse::Kind& kind) {
  json::Value settings = json::Value::array();
  for (const warehouse::Setting& setting : kind.settings) {
    settings.push_back({{"name", setting.name},
                        {"help", setting.help},
                        {"example", setting.example},
                        {"required", setting.required},
                        {"secret", setting.secret},
                        {"default", setting.fallback}});
  }
  return settings;
}

json::Value ask(Call& call, const Connection& connection, WorkOrder order) {
  require_grant(call, "connection.use", connection.name);
  const definition::Configuration& configuration = call.service.configuration();
  const Project project = call.catalog.project();
  definition::Vault vault = call.service.vault(call.catalog);
  order.kind = connection.kind;
  order.settings = definition::resolve(connection, configuration.home, vault);
  order.roots = configuration.file_roots;
  order.unit_types = project.unit_types;
  order.definition.zone = project.zone.name();
  const Patience patience(call.service.env());
  return pipeline::run_worker(order, {}, patience.token());
}

}  // namespace millrace::api
