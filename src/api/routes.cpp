#include "api/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"

namespace millrace::api {
namespace {

struct Word {
  std::string_view ours, theirs;
};
constexpr Word kTypes[] = {
    {"bigquery", "bigquery-v2"}, {"snowflake", "snowflake-v2"}, {"synapse", "azure-synapse"}};

std::string folded(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::int64_t number_in(const Request& request, const char* name, std::int64_t fallback,
                       std::int64_t most) {
  const std::string text = request.parameter(name);
  if (text.empty()) return fallback;
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || number < 1 ||
      number > most) {
    bad_request(fmt::format("{} must be a number from 1 to {}", name, most));
  }
  return number;
}

/// The same question about another page: a path and a query, as callers know it.
std::string address_of(const Request& request, std::int64_t number) {
  std::string address = request.path + "?page=" + std::to_string(number);
  for (const auto& [name, value] : request.query) {
    if (name == "page") continue;
    std::string coded;
    for (const char c : value) {
      const auto byte = static_cast<unsigned char>(c);
      coded += std::isalnum(byte) || c == '-' || c == '_' || c == '.'
                   ? std::string(1, c)
                   : fmt::format("%{:02X}", byte);
    }
    address += "&" + name + "=" + coded;
  }
  return address;
}

}  // namespace

std::span<const Route> routes() {
  static const std::vector<Route> all = [] {
    std::vector<Route> joined;
    for (const auto part : {state_routes(), ready_routes(), ingestion_routes(), run_routes(),
                            data_routes(), key_routes()}) {
      joined.insert(joined.end(), part.begin(), part.end());
    }
    return joined;
  }();
  return all;
}

Answer one(std::string_view message, json::Value data) {
  return {200, json::Value{{"message", message}, {"data", std::move(data)}}.dump(), {}};
}

Answer done(std::string_view message) {
  return {200, json::Value{{"message", message}}.dump(), {}};
}

Page page_of(const Request& request, std::int64_t limit) {
  constexpr std::int64_t kMostItems = 1'000, kMostPages = 1'000'000;
  return {number_in(request, "page", 1, kMostPages),
          number_in(request, "limit", limit, kMostItems)};
}

Answer list(std::string_view message, const Request& request, const Page& page,
            std::vector<json::Value> data) {
  const bool more = static_cast<std::int64_t>(data.size()) > page.limit;
  if (more) data.resize(static_cast<std::size_t>(page.limit));
  json::Value pagination{{"itemsPerPage", page.limit}, {"pageNumber", page.number}};
  pagination["nextPage"] = more ? json::Value(address_of(request, page.number + 1)) : nullptr;
  pagination["previousPage"] =
      page.number > 1 ? json::Value(address_of(request, page.number - 1)) : nullptr;
  json::Value items = json::Value::array();
  for (json::Value& item : data) items.push_back(std::move(item));
  return {200,
          json::Value{{"message", message}, {"data", items}, {"pagination", pagination}}.dump(),
          {}};
}

void bad_request(const std::string& message) {
  throw Error(Fault::Misconfigured, "bad_request", message);
}

void not_found(const std::string& message) {
  throw Error(Fault::Misconfigured, "not_found", message);
}

std::string needed_text(const json::Value& body, const char* name) {
  std::string text = text_or_empty(body, name);
  if (text.empty()) bad_request(fmt::format("{} is required", name));
  return text;
}

std::string text_or_empty(const json::Value& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return {};
  if (!found->is_string()) bad_request(fmt::format("{} must be a string", name));
  return found->get<std::string>();
}

std::vector<std::string> texts(const json::Value& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return {};
  if (found->is_string()) return {found->get<std::string>()};
  std::vector<std::string> all;
  const bool is_list = found->is_array() && std::ranges::all_of(*found, [&](const auto& item) {
                         return item.is_string();
                       });
  if (!is_list) bad_request(fmt::format("{} must be a string or a list of strings", name));
  for (const auto& item : *found) all.push_back(item.template get<std::string>());
  return all;
}

Day day_in(const std::string& text, const char* name) {
  const auto day = Day::parse(text);
  if (!day) bad_request(fmt::format("{} must be a date such as 2026-11-20, not {}", name, text));
  return *day;
}

Dataset dataset_in(const std::string& text) {
  const std::string word = folded(text);
  if (word == "export_exposures") return Dataset::Exposures;
  if (word == "export_events") return Dataset::Events;
  if (const auto dataset = dataset_named(word)) return *dataset;
  bad_request(
      fmt::format("there is no dataset {}: it is Events, Metrics, export_exposures or "
                  "entity_properties",
                  text));
}

std::string shown(Dataset dataset) {
  switch (dataset) {
    case Dataset::Events:
      return "Events";
    case Dataset::Metrics:
      return "Metrics";
    case Dataset::Exposures:
      return "export_exposures";
    case Dataset::EntityProperties:
      return "entity_properties";
  }
  return {};
}

std::string type_of(std::string_view kind) {
  for (const Word& word : kTypes) {
    if (word.ours == kind) return std::string(word.theirs);
  }
  return std::string(kind);
}

std::string kind_of(std::string_view type) {
  for (const Word& word : kTypes) {
    if (word.theirs == type) return std::string(word.ours);
  }
  return std::string(type);
}

std::string shown(Instant instant) {
  const std::string text = to_text(instant);  // 2026-11-24T09:30:00.000000Z
  return text.substr(0, text.size() - 4) + "Z";
}

}  // namespace millrace::api
