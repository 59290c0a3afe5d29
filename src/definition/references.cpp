#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/env.h"
#include "base/error.h"
#include "base/file.h"
#include "definition/tables.h"
#include "definition/vault.h"

namespace millrace::definition {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVariable = "env:";
constexpr std::string_view kFile = "file:";
constexpr std::string_view kSecret = "secret:";

bool is_variable_name(std::string_view name) {
  return !name.empty() && !std::isdigit(static_cast<unsigned char>(name.front())) &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

bool leaves_its_folder(const fs::path& path) {
  if (path.is_absolute()) return true;
  return std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

[[noreturn]] void refuse_missing(const std::string& what, const std::string& advice) {
  throw Error(Fault::Misconfigured, "secret_missing", what, advice);
}

std::string variable(const std::string& name, const std::string& setting) {
  std::string value = environment_variable(name);
  if (!value.empty()) return value;
  refuse_missing(
      fmt::format("{} is read from the environment variable {}, which is not set", setting, name),
      fmt::format("Set it before you start: export {}=…", name));
}

std::string secret_file(const std::string& name, const std::string& setting, const fs::path& home) {
  const fs::path path = home / name;
  if (!fs::is_regular_file(path)) {
    refuse_missing(fmt::format("{} is read from {}, which is not there", setting, path.string()),
                   "Write the secret into that file and let only its owner read it (chmod 600)");
  }
  if (!lies_under(path, home)) {
    refuse_missing(fmt::format("{} is read from {}, which leads out of the home {}", setting,
                               path.string(), home.string()),
                   "Put the file itself under the home");
  }
  std::string value = file::read(path);
  while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
  if (value.empty()) refuse_missing(fmt::format("{} is empty", path.string()), "Write the secret");
  return value;
}

}  // namespace

bool is_reference(std::string_view value) {
  return value.starts_with(kVariable) || value.starts_with(kFile) || value.starts_with(kSecret);
}

std::optional<std::string> kept_secret(std::string_view value) {
  if (!value.starts_with(kSecret)) return {};
  return std::string(value.substr(kSecret.size()));
}

void check_reference(std::string_view value) {
  if (value.starts_with(kSecret)) return;  // The vault knows which names there are.
  const bool of_variable = value.starts_with(kVariable);
  const std::string_view named = value.substr(of_variable ? kVariable.size() : kFile.size());
  if (of_variable ? is_variable_name(named) : !named.empty() && !leaves_its_folder(named)) return;
  throw Error(Fault::Misconfigured, "bad_reference",
              of_variable ? fmt::format("\"{}\" is no environment variable's name", named)
                          : fmt::format("\"{}\" is no file under the home", named),
              "Write \"env:VARIABLE\", or \"file:secrets/name\" with a path relative to the home");
}

bool lies_under(const fs::path& path, const fs::path& folder) {
  const fs::path inner = fs::weakly_canonical(path), outer = fs::weakly_canonical(folder);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

namespace {

std::string resolved(const std::string& value, const std::string& setting, const fs::path& home,
                     Vault& vault) {
  if (!is_reference(value)) return value;
  check_reference(value);
  if (const auto name = kept_secret(value)) return vault.get(*name).reveal();
  return value.starts_with(kVariable) ? variable(value.substr(kVariable.size()), setting)
                                      : secret_file(value.substr(kFile.size()), setting, home);
}

}  // namespace

std::map<std::string, std::string> resolve(const Connection& connection, const fs::path& home,
                                           Vault& vault) {
  std::map<std::string, std::string> settings;
  for (const auto& [name, value] : connection.settings) {
    settings[name] =
        resolved(value, fmt::format("{} of connection {}", name, connection.name), home, vault);
  }
  return settings;
}

std::string client_secret(const Oidc& oidc, const fs::path& home, Vault& vault) {
  return resolved(oidc.client_secret, "client_secret of [server.oidc]", home, vault);
}

NotifySettings resolve(const NotifySettings& settings, const fs::path& home, Vault& vault) {
  NotifySettings all = settings;
  all.smtp.password = resolved(settings.smtp.password, "password of [notify.smtp]", home, vault);
  all.slack.token = resolved(settings.slack.token, "token of [notify.slack]", home, vault);
  for (auto& [name, hook] : all.webhooks) {
    hook.secret =
        resolved(hook.secret, fmt::format("secret of [notify.webhook.{}]", name), home, vault);
  }
  return all;
}

}  // namespace millrace::definition
