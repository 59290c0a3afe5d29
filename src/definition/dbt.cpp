#include "definition/dbt.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
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
    for (char& c : found) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return found;
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

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why) {
  throw Error(Fault::BadData, "no_dbt_results",
              fmt::format("reading {} failed: {}", path.string(), why),
              "Name the target/run_results.json that `dbt build` or `dbt run` of dbt 1.8 or newer "
              "wrote");
}

}  // namespace

std::vector<DbtModel> read_dbt_results(const std::filesystem::path& path) {
  const json::Value read = json::Value::parse(file::read(path), nullptr, false);
  if (!read.is_object() || !read.contains("results") || !read["results"].is_array()) {
    refuse(path, "it has no results");
  }
  std::vector<DbtModel> models;
  for (const json::Value& result : read["results"]) {
    const auto text = [&](const char* name) {
      const auto found = result.find(name);
      return found != result.end() && found->is_string() ? found->get<std::string>() : "";
    };
    DbtModel model{.name = text("unique_id"),
                   .relation = text("relation_name"),
                   .succeeded = text("status") == "success"};
    // Tests, seeds and the like are in the same list.
    if (model.name.starts_with("model.") && !model.relation.empty()) {
      models.push_back(std::move(model));
    }
  }
  if (models.empty()) refuse(path, "it names no model with its relation");
  return models;
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
