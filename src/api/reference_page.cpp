#include <fmt/format.h>

#include "api/routes.h"
#include "base/error.h"

namespace millrace::api {
namespace {

// The page's lines between which the table writes.
constexpr std::string_view kFirst = "\n## Routes\n", kLast = "\n## What the contract leaves open";

std::string_view who(Access access) {
  switch (access) {
    case Access::Open:
      return "anyone";
    case Access::Read:
      return "read";
    case Access::Write:
      return "write";
    case Access::Keys:
      return "keys";
    case Access::Ready:
      return "ready";
    case Access::Use:
      return "use";
    case Access::Sample:
      return "sample";
    case Access::Rows:
      return "rows";
  }
  return {};
}

std::string route_text(const Route& route) {
  std::string text = fmt::format("\n### `{} {}`\n\n{} *{}*\n\n", route.method, route.path,
                                 route.about, who(route.access));
  if (!route.query.empty()) text += fmt::format("* parameters `{}`\n", route.query);
  if (!route.body.empty()) text += fmt::format("* body `{}`\n", route.body);
  text += fmt::format("* {}: `{}`", route.status, route.gives);
  std::string others;
  for (const int status : statuses_of(route)) {
    if (status != route.status) others += fmt::format("{}{}", others.empty() ? "" : ", ", status);
  }
  return text + (others.empty() ? "\n" : fmt::format("; or {}\n", others));
}

}  // namespace

std::string reference_page(const std::string& page) {
  const std::size_t first = page.find(kFirst), last = page.find(kLast);
  check(first < last && last != std::string::npos, "the page says where its routes stand");
  std::string written = page.substr(0, first) + std::string(kFirst);
  for (const Route& route : routes()) written += route_text(route);
  written += "\n## Shapes\n\n";
  for (const NamedShape& shape : named_shapes()) {
    written += fmt::format("* **{}** `{}`\n", shape.name, shape.text);
  }
  return written + page.substr(last);
}

}  // namespace millrace::api
