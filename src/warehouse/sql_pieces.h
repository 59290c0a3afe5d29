#pragma once

#include <string_view>
#include <vector>

#include "warehouse/dialect.h"

namespace millrace::warehouse {

/// A stretch of SQL text between which quoting changes. Pieces together are the whole text.
struct Piece {
  enum class Kind { Code, Literal, Identifier, Comment };
  Kind kind = Kind::Code;
  std::string_view text;  ///< With its quotes; views the text given.
};

/// Cuts SQL at its quotes and comments: '…' (E'…' with backslashes), $tag$…$tag$, "…", `…` where
/// the dialect has it, -- and nested /* */. Throws Misconfigured `not_one_select` when one of them
/// does not end.
std::vector<Piece> sql_pieces(std::string_view sql, const Dialect& dialect);

}  // namespace millrace::warehouse
