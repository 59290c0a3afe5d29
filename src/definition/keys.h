#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "definition/document.h"
#include "model/ingestion.h"

/// The one table of what TOML files may say. Checking, error texts and
/// docs/reference/configuration.md all come from it.
namespace millrace::definition {

enum class Shape {
  Text,
  Integer,
  Boolean,
  TextList,
  IntegerList,
  Column,           ///< The name of a column of the query's result.
  ColumnOrLiteral,  ///< "column", or { literal = "value" }
  Columns,          ///< { key = "column" }
  ColumnsOrAll,     ///< Also "*".
  Metrics,          ///< { name = "column" }, or { name = { numerator = "…", denominator = "…" } }
  Share,            ///< "1%", or a number of rows.
  Percent,          ///< "50%"
  Gates,            ///< [{ sql = "select …" }, { table = "…" }, { object = "…" }, { call = true }]
  Table,            ///< Checked by a rule of its own.
};
/// "a column's name", "a list of texts" …
std::string_view described(Shape shape);

/// Bits of KeyRule::datasets.
constexpr unsigned bit(Dataset dataset) { return 1U << static_cast<unsigned>(dataset); }
inline constexpr unsigned kEveryDataset = 0xF;

struct KeyRule {
  std::string_view name;
  Shape shape = Shape::Text;
  std::string_view help;
  std::string_view example = {};                 ///< The value as TOML.
  unsigned datasets = kEveryDataset;             ///< Whose mapping may hold it.
  std::span<const std::string_view> words = {};  ///< The only texts allowed; empty: any.
};

/// Their names, or "all".
std::string datasets_of(const KeyRule& key);

struct TableRule {
  std::string_view heading;  ///< As people write it: "ingestion.NAME.mapping".
  std::string_view help;
  std::span<const KeyRule> keys;  ///< Empty: decided elsewhere (a connection's settings).
  bool home_only = false;         ///< Only in the home's millrace.toml.
};
std::span<const TableRule> table_rules();
const TableRule& table_rule(std::string_view heading);

/// Throws `bad_toml` at the first key that is unknown, of another type or word, or not for this
/// dataset; names the nearest valid key. `heading` is the table's own: "ingestion.kpi.mapping".
void check_keys(const Node& table, const TableRule& rule, const std::string& heading,
                std::optional<Dataset> dataset = {});
/// Throws `bad_toml` naming the nearest of `valid`.
[[noreturn]] void refuse_unknown_key(const Node::Member& member, const std::string& heading,
                                     std::span<const std::string_view> valid);

/// The text of a key that `check_keys` accepted; empty where it is absent.
std::string text_in(const Node& table, std::string_view key);

/// docs/reference/configuration.md.
std::string reference_page();

}  // namespace millrace::definition
