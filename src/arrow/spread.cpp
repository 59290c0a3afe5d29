#include "arrow/spread.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace millrace::arrow {
namespace {

constexpr std::int64_t kLooks = 256;

template <typename Integer>
std::int64_t different(const ArrowArray& column) {
  const auto* values = static_cast<const Integer*>(column.buffers[1]);
  std::set<Integer> seen;
  const std::int64_t looks = std::min(kLooks, column.length);
  for (std::int64_t i = 0; i < looks; ++i) {
    seen.insert(values[column.offset + i * column.length / looks]);
  }
  return static_cast<std::int64_t>(seen.size());
}

}  // namespace

std::int64_t spread_of(const ArrowSchema& schema, const ArrowArray& column) {
  const std::string_view format = schema.format;
  if (format == "i") return different<std::int32_t>(column);
  if (format == "l") return different<std::int64_t>(column);
  return 0;
}

}  // namespace millrace::arrow
