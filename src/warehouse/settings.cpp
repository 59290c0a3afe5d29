#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "warehouse/connector.h"
#include "warehouse/files/folder_place.h"

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

std::vector<std::string_view> words_of(std::string_view one_of) {
  std::vector<std::string_view> words;
  for (std::size_t bar = 0; (bar = one_of.find('|')) != one_of.npos;
       one_of.remove_prefix(bar + 1)) {
    words.push_back(one_of.substr(0, bar));
  }
  words.push_back(one_of);
  return words;
}

void check_word(const Setting& setting, const std::string& value) {
  const auto words = words_of(setting.one_of);
  if (std::ranges::find(words, value) != words.end()) return;
  throw Error(Fault::Misconfigured, "bad_setting",
              fmt::format("{} cannot be \"{}\"{}", setting.name, value,
                          did_you_mean(nearest(value, std::span<const std::string_view>(words)))),
              fmt::format("Use one of {}", fmt::join(words, ", ")));
}

void check_number(const Setting& setting, const std::string& value) {
  int number = 0;
  const char* end = value.data() + value.size();
  const auto [read, problem] = std::from_chars(value.data(), end, number);
  const bool is_whole = problem == std::errc() && read == end;
  if (is_whole && number >= setting.least && number <= setting.most) return;
  throw Error(Fault::Misconfigured, "bad_setting",
              fmt::format("{} cannot be \"{}\"", setting.name, value),
              fmt::format("Give a whole number from {} to {}, such as {}", setting.least,
                          setting.most, setting.example));
}

}  // namespace

void check_value(const Setting& setting, const std::string& value,
                 const std::vector<std::string>& roots) {
  if (value.empty()) return;
  if (!setting.one_of.empty()) check_word(setting, value);
  if (setting.most > 0) check_number(setting, value);
  if (setting.below_roots) files::require_below_roots(value, roots);
}

std::string Session::get(std::string_view name) const {
  const auto found = settings.find(std::string(name));
  return found == settings.end() ? std::string() : found->second;
}

Session with_fallbacks(Session session, std::span<const Setting> settings) {
  for (const Setting& setting : settings) {
    std::string& value = session.settings[std::string(setting.name)];
    if (value.empty()) value = setting.fallback;
    check_value(setting, value, session.roots);
  }
  return session;
}

void validate(const Kind& kind, const std::map<std::string, std::string>& settings,
              const std::vector<std::string>& roots) {
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
    } else if (!is_reference(value)) {
      try {
        check_value(*setting, value, roots);
      } catch (const Error& error) {
        problems.emplace_back(error.what());
        advice = error.advice;
      }
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
