#include "warehouse/text_rows.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "arrow/producer.h"
#include "base/quoted.h"
#include "warehouse/text_values.h"

namespace millrace::warehouse {
namespace {

constexpr std::int64_t kRowsMost = 65'536;
constexpr std::size_t kBytesMost = 4 << 20;

template <typename Number>
Number number_from(std::string_view text) {
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) {
    throw quoting(Fault::BadData, "unreadable_value", "reading the warehouse's rows ",
                  fmt::format("failed, as \"{}\" is not a number", text));
  }
  return value;
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  throw Error(Fault::BadData, "unreadable_value",
              "reading the warehouse's rows: binary data is not hexadecimal",
              "Let the role write it so: alter role … set bytea_output = 'hex'");
}

/// One column of a batch under way. Buffers are Arrow's: validity bits, offsets, values.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(ColumnType type) : type_(type), format_(arrow_format(type)) {
    if (is_text()) append_raw(offsets_, std::int32_t{0});
  }

  void append(const engine::Cell& cell) {
    if (length_ % 8 == 0) {
      validity_ += '\0';
      if (type_ == ColumnType::Boolean) values_ += '\0';
    }
    const bool valid = cell && append_value(*cell);
    if (valid) {
      set_bit(validity_);
    } else {
      ++nulls_;
      append_empty();
    }
    if (is_text()) append_raw(offsets_, static_cast<std::int32_t>(values_.size()));
    ++length_;
  }

  std::size_t bytes() const { return values_.size() + offsets_.size() + validity_.size(); }

  /// Hands the buffers to an array that frees them.
  void give(ArrowArray& out) {
    auto owner = std::make_unique<Owner>();
    owner->validity = std::move(validity_);
    owner->offsets = std::move(offsets_);
    owner->values = std::move(values_);
    owner->pointers = {owner->validity.data(), owner->values.data(), nullptr};
    if (is_text()) {
      owner->pointers = {owner->validity.data(), owner->offsets.data(), owner->values.data()};
    }
    out = {};
    out.length = length_;
    out.null_count = nulls_;
    out.n_buffers = is_text() ? 3 : 2;
    out.buffers = owner->pointers.data();
    out.private_data = owner.release();
    out.release = [](ArrowArray* self) {
      delete static_cast<Owner*>(self->private_data);
      self->release = nullptr;
    };
  }

 private:
  struct Owner {
    std::string validity, offsets, values;
    std::array<const void*, 3> pointers;
  };

  bool is_text() const { return *format_ == 'u' || *format_ == 'z'; }

  template <typename Value>
  static void append_raw(std::string& to, Value value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    to.append(bytes, sizeof value);
  }

  void set_bit(std::string& bits) const {
    const auto at = static_cast<std::size_t>(length_ / 8);
    bits[at] = static_cast<char>(bits[at] | (1 << (length_ % 8)));
  }

  template <typename Value>
  bool append_some(const std::optional<Value>& value) {
    if (value) append_raw(values_, *value);
    return value.has_value();
  }

  /// False when the value has no Arrow form, and nothing was appended.
  bool append_value(std::string_view text) {
    switch (type_) {
      case ColumnType::Boolean:
        if (text == "t" || text == "true") set_bit(values_);
        return true;
      case ColumnType::Integer:
        append_raw(values_, number_from<std::int64_t>(text));
        return true;
      case ColumnType::Double:
        append_raw(values_, number_from<double>(text));
        return true;
      case ColumnType::Date:
        return append_some(days_from_text(text));
      case ColumnType::Timestamp:
      case ColumnType::TimestampTz:
        return append_some(micros_from_text(text));
      case ColumnType::Binary:
        append_hexadecimal(text);
        return true;
      default:
        values_ += text;
        return true;
    }
  }

  void append_hexadecimal(std::string_view text) {
    if (text.starts_with("\\x")) text.remove_prefix(2);
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
      values_ += static_cast<char>(nibble(text[i]) * 16 + nibble(text[i + 1]));
    }
  }

  void append_empty() {
    if (type_ == ColumnType::Date) append_raw(values_, std::int32_t{0});
    if (*format_ == 'l' || *format_ == 'g' || std::string_view(format_).starts_with("ts")) {
      append_raw(values_, std::int64_t{0});
    }
  }

  ColumnType type_;
  const char* format_;
  std::string validity_, offsets_, values_;
  std::int64_t length_ = 0, nulls_ = 0;
};

/// Frees what a struct array or schema points to: its children, then itself.
template <typename Node>
struct Family {
  std::vector<Node> children;
  std::vector<Node*> pointers;
  std::array<const void*, 1> buffers{};
  std::vector<std::string> names;

  explicit Family(std::size_t size) : children(size), names(size) {
    for (Node& child : children) pointers.push_back(&child);
  }
  static void release(Node* self) {
    auto* family = static_cast<Family*>(self->private_data);
    for (Node& child : family->children) {
      if (child.release != nullptr) child.release(&child);
    }
    delete family;
    self->release = nullptr;
  }
};

class TextRows final : public arrow::Producer {
 public:
  TextRows(std::vector<Column> types, PullRow rows)
      : columns_(std::move(types)), pull_(std::move(rows)) {}

  void schema(ArrowSchema& out) override {
    auto* family = new Family<ArrowSchema>(columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      family->names[i] = columns_[i].name;
      ArrowSchema& child = family->children[i];
      child = {};
      child.format = arrow_format(columns_[i].type);
      child.name = family->names[i].c_str();
      child.flags = ARROW_FLAG_NULLABLE;
      child.release = [](ArrowSchema* self) { self->release = nullptr; };
    }
    out = {};
    out.format = "+s";
    out.name = "";
    out.n_children = static_cast<std::int64_t>(columns_.size());
    out.children = family->pointers.data();
    out.private_data = family;
    out.release = Family<ArrowSchema>::release;
  }

  void next(ArrowArray& out) override {
    std::vector<ColumnBuilder> builders;
    for (const Column& column : columns_) builders.emplace_back(column.type);
    std::int64_t rows = 0;
    std::size_t bytes = 0;
    engine::Row row;
    while (!over_ && rows < kRowsMost && bytes < kBytesMost) {
      if (!pull_(row)) {
        over_ = true;
        break;
      }
      bytes = 0;
      for (std::size_t i = 0; i < builders.size(); ++i) {
        builders[i].append(row.at(i));
        bytes += builders[i].bytes();
      }
      ++rows;
    }
    if (rows == 0) return;
    auto* family = new Family<ArrowArray>(columns_.size());
    for (std::size_t i = 0; i < builders.size(); ++i) builders[i].give(family->children[i]);
    out.length = rows;
    out.n_buffers = 1;
    out.buffers = family->buffers.data();
    out.n_children = static_cast<std::int64_t>(columns_.size());
    out.children = family->pointers.data();
    out.private_data = family;
    out.release = Family<ArrowArray>::release;
  }

 private:
  const std::vector<Column> columns_;
  const PullRow pull_;
  bool over_ = false;
};

}  // namespace

const char* arrow_format(ColumnType type) {
  switch (type) {
    case ColumnType::Boolean:
      return "b";
    case ColumnType::Integer:
      return "l";
    case ColumnType::Double:
      return "g";
    case ColumnType::Date:
      return "tdD";
    case ColumnType::Timestamp:
      return "tsu:";
    case ColumnType::TimestampTz:
      return "tsu:UTC";
    case ColumnType::Binary:
      return "z";
    case ColumnType::Decimal:
    case ColumnType::Text:
    case ColumnType::Uuid:
    case ColumnType::Json:
    case ColumnType::Other:
      return "u";
  }
  return "u";
}

arrow::Stream text_rows(std::vector<Column> columns, PullRow pull) {
  return arrow::stream_of(std::make_unique<TextRows>(std::move(columns), std::move(pull)));
}

}  // namespace millrace::warehouse
