#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "warehouse/dialect.h"
#include "warehouse/lake/place.h"

namespace millrace::warehouse::lake {

/// How DuckDB spells literals.
extern const Dialect kDialect;

/// A customer's SQL, rendered and proved to be one SELECT; and the same as the engine reads it, its
/// paths absolute.
struct LakeText {
  std::string sql;
  std::vector<std::string> globs;
  std::string select;
};

/// What stands in the engine's SQL for a glob that the SELECT reads.
using Reading = std::function<std::string(const std::string& glob, const engine::FileRead& read,
                                          const std::string& select)>;

/// Throws Misconfigured `not_one_select`, `function_not_allowed`, `path_not_text`, `not_allowed`.
LakeText lake_text(const std::string& sql, DayRange range, const Zone& zone, const Place& place,
                   const Reading& reading = {});

/// The same SQL with `*` for each placeholder inside a path: some day's files, whichever there are.
std::string any_day(const std::string& sql);

/// True when the answer may change while the files do not: the SQL asks for the clock or chance.
bool looks_beyond_files(const std::string& sql);

/// Unchecked when the SQL may give text that is not UTF-8, by a function that knows only bytes:
/// printf('%c', 200), regexp_extract('é', '\C'). The engine has looked at all text in files.
engine::Texts texts_of(const std::string& sql);

/// True when days have files of their own: by placeholders, or by the layout of a folder.
bool days_choose_files(const Query& query);

/// These columns as `read` delivers them.
std::string delivered_list(const std::vector<Column>& columns);

/// A fingerprint of these columns over no rows, and the SQL of its sum.
Fingerprint empty_fingerprint(const std::vector<Column>& columns);
std::string hash_sum(const std::vector<Column>& columns);

/// A column as `read` delivers it: Decimal, Uuid, Json and Other as text, times to the microsecond,
/// infinite ones as null.
std::string delivered(const Column& column);

}  // namespace millrace::warehouse::lake
