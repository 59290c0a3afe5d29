#pragma once

#include <stop_token>
#include <string>

#include "engine/database.h"
#include "pipeline/mapping.h"

namespace millrace::pipeline {

/// Rows that say the same thing twice, by the mapping's rule. Works on the view `staged` (the
/// staged file with `_row`) and leaves temporary tables behind, bounded by how many copies there
/// are, not by how many rows. Lives as long as the database.
class Copies {
 public:
  Copies(engine::Database& database, const MapSql& map, std::stop_token stop)
      : database_(database), map_(map), stop_(stop) {}

  /// Looks for them; call once, before anything else.
  void find();

  /// `staged` with `_reject`, `_exclude` and `_partly` as they are after the rule.
  std::string ruled() const;
  /// The table's rows: one SELECT per branch without what the rule removed, and what it merged.
  std::string outputs() const;

 private:
  bool any_repeated();
  std::string copies_of(std::size_t branch) const;
  void find_losers();
  void judge_rows();

  engine::Database& database_;
  const MapSql& map_;
  std::stop_token stop_;
  bool found_ = false;
};

/// Condition: the staged row is neither rejected nor excluded.
inline constexpr const char* kGood = "_reject IS NULL AND _exclude IS NULL";

}  // namespace millrace::pipeline
