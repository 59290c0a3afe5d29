#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "model/ingestion.h"
#include "pipeline/mapping.h"
#include "pipeline/source_columns.h"
#include "pipeline/time_sql.h"

namespace millrace::pipeline {

/// Limit of a row, as the contract gives it.
inline constexpr std::int64_t kRowBytesMax = 16 << 20;

/// Throws Misconfigured `bad_name` where one name for all rows breaks the rules on names.
void check_name(const std::string& what, const std::string& name);

/// A mapping on its way to SQL: what is computed from the source, and what is wrong with a row. All
/// conditions speak of the computed columns. Private to this folder.
class StagedSelect {
 public:
  StagedSelect(const Definition& definition, const engine::Relation& source,
               const MappedDays& days);

  const SourceColumns source;
  const Mapping& mapping;

  /// Computes a column from the source; with `derive`, from columns computed before.
  void add(const std::string& name, const std::string& expression);
  void derive(const std::string& name, const std::string& expression);
  /// The staged file holds this computed column.
  void keep(const std::string& name);
  void keep(const std::string& name, const std::string& expression);

  /// A row is bad when `bad` holds; rows are tested in the order of these calls, after the tests
  /// that every dataset has (text, size, time). Together the `good` conditions must hold for
  /// no bad row: most rows are tested by them alone.
  void reject(const std::string& reason, const std::string& bad, const std::string& good);

  /// A column or literal with the rules on names, as the computed column `name`.
  void keep_name(const std::string& name, const Field& field);
  /// Unit columns of a mapping of ids, and the rule that one of them is there. Gives their names.
  std::vector<std::string> keep_units(const std::string& prefix, const Named& ids);
  /// `ts` from the mapped time, and the rule on rows outside the day. NULL where none is mapped.
  void keep_time(const std::string& column);
  /// The same for a label.
  void add_label(const std::string& column);
  void keep_metadata();

  /// What is wrong with part of a row (see MapSql): conditions and texts over computed columns.
  std::string partly, detail;
  /// Keep the source columns too, so that a second pass can still reject a row.
  bool keeps_source = false;

  /// The statement; fills what MapSql says about it.
  void write(MapSql& map) const;

 private:
  /// A constant that differs from day to day, as one expression: `of` gives that of the day with
  /// this place.
  std::string by_day(const std::function<std::string(std::size_t)>& of) const;
  Day day_at(std::size_t place) const { return days_.first.plus(static_cast<int>(place)); }
  void add_object(const std::string& column);
  std::vector<std::string> staged(MapSql& map) const;

  const MappedDays& days_;
  const Zone zone_;
  const bool day_decided_;  ///< By the folder: no row is outside it.
  Computed computed_, derived_;
  bool has_number_ = false;
  std::vector<std::string> kept_;
  std::vector<std::string> good_;
  std::vector<std::pair<std::string, std::string>> reasons_;
  std::string outside_;
};

}  // namespace millrace::pipeline
