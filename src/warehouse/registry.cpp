#include <fmt/format.h>

#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "warehouse/connector.h"
#include "warehouse/databricks/kind.h"
#include "warehouse/delta_sharing/kind.h"
#include "warehouse/files/kind.h"
#include "warehouse/postgres/kind.h"
#include "warehouse/redshift/kind.h"
#include "warehouse/s3/kind.h"

namespace millrace::warehouse {
namespace {

/// One include and one line per warehouse, in the order people see them.
constexpr const Kind* kKinds[] = {
    &files::kKind,    &s3::kKind,         &postgres::kKind,
    &redshift::kKind, &databricks::kKind, &delta_sharing::kKind,
};

}  // namespace

std::span<const Kind* const> kinds() { return kKinds; }

const Kind& kind_named(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Kind* kind : kKinds) {
    if (kind->name == name) return *kind;
    names.push_back(kind->name);
  }
  throw Error(Fault::Misconfigured, "unknown_kind",
              fmt::format("there is no kind of connection named {}{}", name,
                          did_you_mean(nearest(name, std::span<const std::string_view>(names)))),
              fmt::format("The kinds are: {}.", fmt::join(names, ", ")));
}

}  // namespace millrace::warehouse
