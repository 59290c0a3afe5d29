#include "warehouse/sql_pieces.h"

#include <cctype>
#include <string>

#include "base/error.h"

namespace millrace::warehouse {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

[[noreturn]] void unterminated(std::string_view what) {
  throw Error(Fault::Misconfigured, "not_one_select",
              "reading the query: " + std::string(what) + " does not end",
              "Close it; quotes inside a text are doubled ('it''s').");
}

/// Walks over one text; every `end_of_…` takes the position of the opening and gives the one after
/// the closing.
class Cutter {
 public:
  Cutter(std::string_view sql, const Dialect& dialect) : sql_(sql), dialect_(dialect) {}

  std::vector<Piece> cut() {
    while (at_ < sql_.size()) {
      const auto [kind, end] = piece_here();
      if (end == at_) {
        ++at_;
        continue;
      }
      take(Piece::Kind::Code, at_);
      take(kind, end);
      at_ = end;
    }
    take(Piece::Kind::Code, at_);
    return std::move(pieces_);
  }

 private:
  struct Found {
    Piece::Kind kind;
    std::size_t end;
  };

  void take(Piece::Kind kind, std::size_t end) {
    if (end > taken_) pieces_.push_back({kind, sql_.substr(taken_, end - taken_)});
    taken_ = end;
  }

  bool starts(std::string_view with) const { return sql_.substr(at_).starts_with(with); }

  Found piece_here() const {
    using Kind = Piece::Kind;
    if (starts("'")) return {Kind::Literal, end_of_quotes('\'', escapes_here())};
    if (starts("\"")) return {Kind::Identifier, end_of_quotes('"', false)};
    if (dialect_.backticks && starts("`")) return {Kind::Identifier, end_of_quotes('`', false)};
    if (starts("--")) return {Kind::Comment, end_of_line()};
    if (starts("/*")) return {Kind::Comment, end_of_comment()};
    if (starts("$")) return {Kind::Literal, end_of_dollars()};
    return {Kind::Code, at_};
  }

  /// True behind an E prefix that is a word of its own.
  bool escapes_here() const {
    if (dialect_.backslash_escapes) return true;
    if (at_ == 0 || (sql_[at_ - 1] != 'e' && sql_[at_ - 1] != 'E')) return false;
    return at_ == 1 || !is_word(sql_[at_ - 2]);
  }

  std::size_t end_of_quotes(char quote, bool escapes) const {
    for (std::size_t i = at_ + 1; i < sql_.size(); ++i) {
      if (escapes && sql_[i] == '\\') {
        ++i;
      } else if (sql_[i] == quote) {
        if (i + 1 == sql_.size() || sql_[i + 1] != quote) return i + 1;
        ++i;
      }
    }
    unterminated(quote == '\'' ? "a text in quotes" : "a quoted name");
  }

  std::size_t end_of_line() const {
    const auto end = sql_.find_first_of("\r\n", at_);
    return end == std::string_view::npos ? sql_.size() : end;
  }

  std::size_t end_of_comment() const {
    int depth = 0;
    for (std::size_t i = at_; i + 1 < sql_.size(); ++i) {
      const auto two = sql_.substr(i, 2);
      if (two != "/*" && two != "*/") continue;
      depth += two == "/*" ? 1 : -1;
      ++i;
      if (depth == 0) return i + 1;
    }
    unterminated("a comment");
  }

  /// `$tag$ … $tag$`; a lone dollar (a parameter, part of a name) is code.
  std::size_t end_of_dollars() const {
    if (at_ > 0 && is_word(sql_[at_ - 1])) return at_;
    std::size_t open = at_ + 1;
    while (open < sql_.size() && is_word(sql_[open])) ++open;
    if (open == sql_.size() || sql_[open] != '$') return at_;
    if (std::isdigit(static_cast<unsigned char>(sql_[at_ + 1])) != 0) return at_;
    const auto tag = sql_.substr(at_, open + 1 - at_);
    const auto close = sql_.find(tag, open + 1);
    if (close == std::string_view::npos) unterminated("a text between dollar signs");
    return close + tag.size();
  }

  std::string_view sql_;
  const Dialect& dialect_;
  std::size_t at_ = 0, taken_ = 0;
  std::vector<Piece> pieces_;
};

}  // namespace

std::vector<Piece> sql_pieces(std::string_view sql, const Dialect& dialect) {
  return Cutter(sql, dialect).cut();
}

}  // namespace millrace::warehouse
