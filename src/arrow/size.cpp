#include "arrow/size.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace millrace::arrow {
namespace {

/// Bits per value of a fixed-width format string; 0 for the others.
std::int64_t fixed_bits(std::string_view format) {
  if (format.empty()) return 0;
  switch (format[0]) {
    case 'b':
      return 1;
    case 'c':
    case 'C':
      return 8;
    case 's':
    case 'S':
    case 'e':
      return 16;
    case 'i':
    case 'I':
    case 'f':
      return 32;
    case 'l':
    case 'L':
    case 'g':
      return 64;
    case 'w':
      return 8 * std::strtoll(format.data() + 2, nullptr, 10);
    case 'd': {
      const auto second_comma = format.find(',', format.find(',') + 1);
      if (second_comma == std::string_view::npos) return 128;
      return std::strtoll(format.data() + second_comma + 1, nullptr, 10);
    }
    case 't':
      if (format == "tdD" || format == "tts" || format == "ttm" || format == "tiM") return 32;
      return format == "tin" ? 128 : 64;
    default:
      return 0;
  }
}

/// Bytes of the values between an array's first and last offset.
template <typename Offset>
std::int64_t text_bytes(const ArrowArray& array) {
  const auto* offsets = static_cast<const Offset*>(array.buffers[1]);
  if (offsets == nullptr || array.length == 0) return 0;
  return static_cast<std::int64_t>(offsets[array.offset + array.length] - offsets[array.offset]);
}

/// Sums the lengths of string views (format "vu", "vz"): the first int32 of each 16 bytes.
std::int64_t view_bytes(const ArrowArray& array) {
  const auto* views = static_cast<const std::int32_t*>(array.buffers[1]);
  if (views == nullptr) return 0;
  std::int64_t sum = 0;
  for (std::int64_t row = array.offset; row < array.offset + array.length; ++row) {
    sum += views[row * 4];
  }
  return sum;
}

}  // namespace

std::int64_t bytes_in(const ArrowSchema& schema, const ArrowArray& array) {
  const std::string_view format = schema.format == nullptr ? "" : schema.format;
  const bool has_values = array.n_buffers >= 2 && array.buffers != nullptr;
  std::int64_t sum = fixed_bits(format) * array.length / 8;
  if (has_values && (format == "u" || format == "z")) sum = text_bytes<std::int32_t>(array);
  if (has_values && (format == "U" || format == "Z")) sum = text_bytes<std::int64_t>(array);
  if (has_values && (format == "vu" || format == "vz")) sum = view_bytes(array);
  const auto children = std::min(schema.n_children, array.n_children);
  for (std::int64_t child = 0; child < children; ++child) {
    sum += bytes_in(*schema.children[child], *array.children[child]);
  }
  return sum;
}

}  // namespace millrace::arrow
