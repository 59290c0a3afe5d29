#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/source.h"
#include "warehouse/dialect.h"

namespace millrace::warehouse {

/// The customer's SQL with its placeholders replaced: a literal where the placeholder stands on its
/// own, bare text inside quotes ('sales/{{day}}/*.parquet'). `{{day}}` and `{{from}}` are the first
/// day, `{{to}}` the last one, both included; `{{day_start}}` starts the first day, `{{day_end}}`
/// ends the last one; `…_epoch` are seconds. Throws Misconfigured `unknown_placeholder`.
std::string render(std::string_view sql, DayRange range, const Zone& zone, const Dialect& dialect);

/// The comment that finds a statement again at the warehouse. A tag is an id, and cannot end its
/// comment. Without one it still says whose statement it is.
std::string tag_comment(const std::string& tag);

/// The text without trailing semicolons and comments, when by its words and parentheses it is one
/// SELECT (WITH, VALUES, FROM, TABLE too) that may stand inside parentheses. Throws Misconfigured
/// `not_one_select` saying what it is instead. Lexical: the product still has to refuse what a
/// SELECT must not do (a read-only transaction, a sandbox).
std::string one_select(std::string_view sql, const Dialect& dialect);

/// The customer's part as it stands in a statement for `range`.
std::string customers_text(const Query& query, DayRange range, const Dialect& dialect);

/// The rows of `range` and nothing else, as a condition on the query's columns: the mapped time, by
/// the type that `described` gives it, and the partition. Sargable: the column stands alone. Empty
/// where the SQL selects its own rows (placeholders) or nothing tells days apart (a snapshot).
/// With `of_no_day` in the query's time: the rows that no range has, whichever it is.
/// A column that is not in `described` is Misconfigured `missing_column`; a text column that is not
/// a label, `text_time`; a partition of another type than its column, `partition_type`.
std::string day_predicate(const Query& query, const std::vector<Column>& described, DayRange range,
                          const Dialect& dialect);

/// `select <columns> from (<customer's SQL, rendered>) as q where <predicate>`, the query's tag
/// first as a comment. The columns are the query's in the spelling of `described`, or `*`.
std::string day_select(const Query& query, const std::vector<Column>& described, Day day,
                       const Dialect& dialect);
std::string range_select(const Query& query, const std::vector<Column>& described, DayRange range,
                         const Dialect& dialect);

/// A row's day as its place in the range, 0 for the first: for the rows of `range_select`. By the
/// product's own search among the days' bounds, else by a decision tree, so every zone and column
/// type follows the same rule as `day_predicate`. Empty where that one's days cannot be told apart
/// like this (placeholders, a label that is text).
std::string day_number(const Query& query, const std::vector<Column>& described, DayRange range,
                       const Dialect& dialect);

/// What rows are grouped by to count those of each day: `day_number`, or the label where that is
/// text. Must not be asked where `day_predicate` is empty.
std::string day_key(const Query& query, const std::vector<Column>& described, DayRange range,
                    const Dialect& dialect);
/// The day that a cell of `day_key` means.
Day day_of_key(std::string_view key, DayRange range);

/// A day as a number: 20261120.
std::string digits_of(Day day);
/// Whole units since 1970, rounded up: a value at `instant` or later is at least this many.
std::int64_t units_of(Instant instant, TimeUnit unit);

/// The column that a person's spelling means: exactly, else without regard to case where only one
/// matches. Throws Misconfigured `missing_column`, naming the nearest.
const Column& column_named(const std::vector<Column>& described, std::string_view name);

}  // namespace millrace::warehouse
