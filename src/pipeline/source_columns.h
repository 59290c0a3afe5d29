#pragma once

#include <string>
#include <vector>

#include "engine/database.h"
#include "model/ingestion.h"
#include "model/source.h"
#include "pipeline/mapping.h"

namespace millrace::pipeline {

/// The source's columns as SQL expressions over the first layer of a staged SELECT: `_s<i>` is
/// column i as it came, `_t<i>` the same text where it is valid UTF-8, else NULL.
class SourceColumns {
 public:
  /// `carried`: a column of the source that is none of its `columns` and goes through every layer;
  /// empty: none.
  explicit SourceColumns(const engine::Relation& source, const std::string& carried = {});

  /// The source's spelling of a mapped name; throws Misconfigured `missing_column` naming the
  /// nearest, `duplicate_column` where two columns could be meant.
  const Column& named(const std::string& name) const;
  const std::vector<Column>& all() const { return columns_; }

  /// The value, safe to look at; its type is `named(name).type`.
  std::string value(const std::string& name) const;
  /// Canonical text.
  std::string text(const std::string& name) const;
  /// Canonical text; NULL instead of ''.
  std::string id(const std::string& name) const;
  /// A finite DOUBLE; NULL where it is no number.
  std::string number(const std::string& name) const;
  /// True where there is something to make a number of.
  std::string has_value(const std::string& name) const;
  /// JSON object with one text per pair of key and column.
  std::string json(const Named& named) const;
  /// `named`, and the columns outside `taken` under their own names.
  Named with_all_others(const Named& named, const std::vector<std::string>& taken) const;

  /// SELECT of the first layer.
  std::string layer() const;
  /// Condition: every text is valid UTF-8. "true" where none has to be looked at.
  std::string valid_text() const;
  /// Bytes of the row's texts and blobs; empty where it has none.
  std::string bytes() const;
  /// The source row as a JSON object, its values as they came.
  std::string original() const;
  /// The source row as staged columns `_k<i>`, and the same JSON over those: for a second pass that
  /// may still reject a row.
  Computed kept() const;
  std::string kept_name(const std::string& name) const;
  std::string original_of_kept() const;

 private:
  std::size_t index(const std::string& name) const;
  std::string safe(std::size_t index) const;
  std::string kept_value(std::size_t index) const;
  bool may_be_broken(std::size_t index) const;
  std::string bytes_of(const std::string& value) const;

  std::vector<Column> columns_;
  std::string source_, carried_;
  engine::Texts texts_;
};

/// What `engine::Texts` speaks of.
bool is_text(ColumnType type);
/// Parquet has no integers of 128 bits: they go through it as text.
bool is_huge(const Column& column);

}  // namespace millrace::pipeline
