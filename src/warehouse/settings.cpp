#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "warehouse/connector.h"

namespace millrace::warehouse {
namespace {

bool is_reference(std::string_view value) {
  return value.starts_with("env:") || value.starts_with("file:") || value.starts_with("secret:");
}

const Setting* declared(const Kind& kind, std::string_view name) {
  for (const Setting& setting : kind.settings) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::string unknown(const Kind& kind, std::string_view name) {
  std::vector<std::string_view> names;
  for (const Setting& setting : kind.settings) names.push_back(setting.name);
  return fmt::format("{} is not a setting of {}{}", name, kind.name,
                     did_you_mean(nearest(name, std::span<const std::string_view>(names))));
}

}  // namespace

std::string Session::get(std::string_view name) const {
  const auto found = settings.find(std::string(name));
  return found == settings.end() ? std::string() : found->second;
}

Session with_fallbacks(Session session, std::span<const Setting> settings) {
  for (const Setting& setting : settings) {
    std::string& value = session.settings[std::string(setting.name)];
    if (value.empty()) value = setting.fallback;
  }
  return session;
}

void validate(const Kind& kind, const std::map<std::string, std::string>& settings) {
  std::vector<std::string> problems;
  std::string advice;
  for (const auto& [name, value] : settings) {
    const Setting* setting = declared(kind, name);
    if (setting == nullptr) {
      problems.push_back(unknown(kind, name));
    } else if (setting->secret && !value.empty() && !is_reference(value)) {
      problems.push_back(fmt::format("{} holds the secret itself", name));
      advice = fmt::format(
          "Refer to it: {0} = \"env:NAME\" (an environment variable) or {0} = \"file:PATH\".",
          name);
    }
  }
  for (const Setting& setting : kind.settings) {
    const auto given = settings.find(std::string(setting.name));
    if (!setting.required || (given != settings.end() && !given->second.empty())) continue;
    problems.push_back(
        fmt::format("{} is missing ({}, such as {})", setting.name, setting.help, setting.example));
  }
  if (problems.empty() && kind.contradiction != nullptr) {
    if (std::string problem = kind.contradiction(settings); !problem.empty()) {
      problems.push_back(std::move(problem));
    }
  }
  if (problems.empty()) return;
  if (advice.empty()) {
    advice =
        fmt::format("millrace connection kinds {} lists every setting with an example.", kind.name);
  }
  throw Error(Fault::Misconfigured, "bad_settings",
              fmt::format("reading the settings of a {} connection: {}", kind.name,
                          fmt::join(problems, "; ")),
              advice);
}

}  // namespace millrace::warehouse
