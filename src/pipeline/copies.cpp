#include "pipeline/copies.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace millrace::pipeline {
namespace {

using engine::identifier;
using Rule = Uniqueness::Rule;

std::string list_of(const Computed& values) {
  std::string list;
  for (const auto& [name, expression] : values) {
    list += fmt::format("{}{} AS {}", list.empty() ? "" : ", ", expression, identifier(name));
  }
  return list;
}

std::string unioned(const std::vector<std::string>& selects) {
  return fmt::format("{}", fmt::join(selects, "\nUNION ALL "));
}

}  // namespace

void Copies::find() {
  if (map_.unique.rule == Rule::None || !any_repeated()) return;
  std::vector<std::string> selects;
  for (std::size_t i = 0; i < map_.branches.size(); ++i) selects.push_back(copies_of(i));
  database_.execute(fmt::format("CREATE OR REPLACE TEMP TABLE copies AS {}", unioned(selects)),
                    stop_);
  find_losers();
  found_ = database_.scalar("SELECT count(*) FROM losers", stop_) != "0";
  if (found_ && map_.unique.rule != Rule::Sum) judge_rows();
}

/// By 64-bit hashes: eight bytes a row in place of the key. A collision costs a second look, below.
bool Copies::any_repeated() {
  std::vector<std::string> selects;
  for (std::size_t i = 0; i < map_.unique.searches.size(); ++i) {
    const Uniqueness::Search& search = map_.unique.searches[i];
    selects.push_back(fmt::format(
        "SELECT {} AS _key, _hash FROM (SELECT hash({}) AS _hash FROM staged WHERE {} AND {}) "
        "GROUP BY _hash HAVING count(*) > 1",
        i, search.columns, kGood, search.condition));
  }
  database_.execute(fmt::format("CREATE OR REPLACE TEMP TABLE repeated AS {}", unioned(selects)),
                    stop_);
  return database_.scalar("SELECT count(*) FROM repeated", stop_) != "0";
}

std::string Copies::copies_of(std::size_t i) const {
  const Branch& branch = map_.branches[i];
  const Uniqueness::Search& search = map_.unique.searches[branch.key];
  std::string list = list_of(branch.values);
  for (const std::string& name : map_.unique.extra) list += ", " + identifier(name);
  return fmt::format(
      "SELECT _row, {} AS _branch, {} FROM staged WHERE {} AND {} AND {} AND hash({}) IN "
      "(SELECT _hash FROM repeated WHERE _key = {})",
      i, list, kGood, branch.present, search.condition, search.columns, branch.key);
}

void Copies::find_losers() {
  const Uniqueness& unique = map_.unique;
  const std::string key = fmt::format("{}", fmt::join(unique.key, ", "));
  const std::string loses =
      unique.rule == Rule::First
          ? fmt::format("row_number() OVER (PARTITION BY {} ORDER BY {}) > 1", key, unique.order)
          : fmt::format("count(*) OVER (PARTITION BY {}) > 1", key);
  database_.execute(
      fmt::format("CREATE OR REPLACE TEMP TABLE losers AS SELECT _row, _branch FROM copies "
                  "QUALIFY {}",
                  loses),
      stop_);
}

/// Of each source row that lost something: did it lose all that it had?
void Copies::judge_rows() {
  std::vector<std::string> had;
  for (const Branch& branch : map_.branches) {
    had.push_back(fmt::format("CAST(coalesce({}, false) AS BIGINT)", branch.present));
  }
  database_.execute(
      fmt::format("CREATE OR REPLACE TEMP TABLE verdicts AS SELECT _row, _lost = {} AS _whole FROM "
                  "(SELECT _row, count(*) AS _lost FROM losers GROUP BY _row) JOIN staged "
                  "USING (_row)",
                  fmt::join(had, " + ")),
      stop_);
}

std::string Copies::ruled() const {
  if (!found_ || map_.unique.rule == Rule::Sum) return "SELECT * FROM staged";
  const bool rejects = map_.unique.rule == Rule::Reject;
  const std::string reason = engine::literal(rejects ? "duplicate_key" : map_.unique.excluded_as);
  return fmt::format(
      "SELECT * REPLACE (CASE WHEN _whole THEN {} ELSE {} END AS {}, "
      "CASE WHEN NOT coalesce(_whole, false) THEN _detail END AS _detail, "
      "CASE WHEN _whole THEN NULL WHEN NOT _whole THEN coalesce(_partly, {}) ELSE _partly END "
      "AS _partly) FROM staged LEFT JOIN verdicts USING (_row)",
      reason, rejects ? "_reject" : "_exclude", rejects ? "_reject" : "_exclude", reason);
}

std::string Copies::outputs() const {
  std::vector<std::string> selects;
  for (std::size_t i = 0; i < map_.branches.size(); ++i) {
    const Branch& branch = map_.branches[i];
    selects.push_back(fmt::format("SELECT {} FROM staged WHERE {} AND {}", list_of(branch.values),
                                  kGood, branch.present));
    if (found_) {
      selects.back() +=
          fmt::format(" AND _row NOT IN (SELECT _row FROM losers WHERE _branch = {})", i);
    }
  }
  if (found_ && map_.unique.rule == Rule::Sum) {
    // In the order of the values, so that a day read twice has the same sums to the last bit.
    selects.push_back(
        "SELECT metric_name, unit_type, unit_id, sum(value ORDER BY value), "
        "sum(numerator ORDER BY numerator), sum(denominator ORDER BY denominator), "
        "any_value(_load) FROM copies SEMI JOIN losers USING (_row, _branch) "
        "GROUP BY metric_name, unit_type, unit_id");
  }
  return unioned(selects);
}

}  // namespace millrace::pipeline
