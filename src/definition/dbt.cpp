#include "definition/dbt.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/letters.h"
#include "model/json.h"

namespace millrace::definition {
namespace {

using Name = std::vector<std::string>;  ///< {"shop", "purchases"}, in lower case.

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 128 || std::isalnum(byte) || c == '_' || c == '$';
}

/// Dotted names of a text, from left to right; quotes of any vendor are taken off.
class Names {
 public:
  explicit Names(std::string_view text) : text_(text) {}

  std::vector<Name> all() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\'') {
        skip_to("'", 1);
      } else if (text_.substr(at_, 2) == "--") {
        skip_to("\n", 2);
      } else if (text_.substr(at_, 2) == "/*") {
        skip_to("*/", 2);
      } else if (is_word(c) || closing(c) != 0) {
        add(part());
      } else {
        is_joined_ = is_joined_ && std::isspace(static_cast<unsigned char>(c));
        if (c == '.') is_joined_ = true;
        ++at_;
      }
    }
    return std::move(names_);
  }

 private:
  static char closing(char c) { return c == '"' || c == '`' ? c : c == '[' ? ']' : '\0'; }

  void skip_to(std::string_view end, std::size_t from) {
    const std::size_t found = text_.find(end, at_ + from);
    at_ = found == std::string_view::npos ? text_.size() : found + end.size();
    is_joined_ = false;
  }

  std::string part() {
    const std::size_t first = at_;
    std::string found;
    if (const char end = closing(text_[at_]); end != 0) {
      const std::size_t last = std::min(text_.find(end, at_ + 1), text_.size());
      found = text_.substr(first + 1, last - first - 1);
      at_ = std::min(last + 1, text_.size());
    } else {
      while (at_ < text_.size() && is_word(text_[at_])) ++at_;
      found = text_.substr(first, at_ - first);
    }
    return lower_case(found);
  }

  void add(std::string found) {
    if (!is_joined_ || names_.empty()) names_.emplace_back();
    names_.back().push_back(std::move(found));
    is_joined_ = false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool is_joined_ = false;
  std::vector<Name> names_;
};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Fault::BadData, "no_dbt_results", "these are no results of dbt: " + why,
              "Name the target/run_results.json that `dbt build` or `dbt run` of dbt 1.8 or newer "
              "wrote");
}

}  // namespace

std::vector<DbtModel> read_dbt_results(const std::filesystem::path& path) {
  try {
    return dbt_results_in(file::read(path));
  } catch (const Error& error) {
    throw error.at(path.string());
  }
}

std::vector<DbtModel> dbt_results_in(const std::string& text) {
  const json::Value read = json::Value::parse(text, nullptr, false);
  if (!read.is_object() || !read.contains("results") || !read["results"].is_array()) {
    refuse("there is no list of results");
  }
  std::vector<DbtModel> models;
  for (const json::Value& result : read["results"]) {
    const auto member = [&](const char* name) {
      const auto found = result.find(name);
      return found != result.end() && found->is_string() ? found->get<std::string>() : "";
    };
    DbtModel model{.name = member("unique_id"),
                   .relation = member("relation_name"),
                   .succeeded = member("status") == "success"};
    // Tests, seeds and the like are in the same list.
    if (model.name.starts_with("model.") && !model.relation.empty()) {
      models.push_back(std::move(model));
    }
  }
  if (models.empty()) refuse("no model is named with its relation");
  return models;
}

std::string dbt_results_text(const std::vector<DbtModel>& models) {
  json::Value results = json::Value::array();
  for (const DbtModel& model : models) {
    results.push_back({{"unique_id", model.name},
                       {"status", model.succeeded ? "success" : "error"},
                       {"relation_name", model.relation}});
  }
  return json::Value{{"results", results}}.dump();
}

bool reads_relation(std::string_view sql, std::string_view relation) {
  const std::vector<Name> wanted = Names(relation).all();
  if (wanted.size() != 1) return false;
  return std::ranges::any_of(Names(sql).all(), [&](const Name& name) {
    const auto& whole = wanted.front();
    return name.size() <= whole.size() && std::equal(name.rbegin(), name.rend(), whole.rbegin());
  });
}

}  // namespace millrace::definition
