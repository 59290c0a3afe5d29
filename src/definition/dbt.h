#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::definition {

/// One model of a `run_results.json` that `dbt build` wrote (dbt 1.8 or newer).
struct DbtModel {
  std::string name;      ///< "model.shop.purchases"
  std::string relation;  ///< "\"shop\".\"analytics\".\"purchases\"", as dbt names what it built.
  bool succeeded = false;
};
/// Throws BadData `no_dbt_results` where the file is something else.
std::vector<DbtModel> read_dbt_results(const std::filesystem::path& path);
/// The same of its text, and back: a text with the models alone.
std::vector<DbtModel> dbt_results_in(const std::string& text);
std::string dbt_results_text(const std::vector<DbtModel>& models);

/// True when the SQL reads the relation: it names it, with as many of its parts as it cares to.
/// Names inside strings and comments do not count.
bool reads_relation(std::string_view sql, std::string_view relation);

}  // namespace millrace::definition
