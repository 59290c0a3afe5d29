#include "api/shared_source.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/routes.h"
#include "base/error.h"
#include "engine/database.h"
#include "warehouse/delta_sharing/sharing_api.h"

namespace millrace::api {
namespace {

using warehouse::delta_sharing::SharedTable;

constexpr std::string_view kSelect = "select * from ";

std::string query_of(const SharedTable& table) {
  return std::string(kSelect) + engine::literal(table.text());
}

/// The table of a query that was made here; empty names for any other.
SharedTable table_of(const std::string& query) {
  if (!query.starts_with(kSelect) || query.size() < kSelect.size() + 2) return {};
  const std::string quoted = query.substr(kSelect.size());
  const auto table = warehouse::delta_sharing::shared_table(quoted.substr(1, quoted.size() - 2));
  return table && query_of(*table) == query ? *table : SharedTable{};
}

}  // namespace

void read_shared_table(const json::Value& body, Ingestion& source) {
  if (!is_given(body, "share") && !is_given(body, "schema") && !is_given(body, "table")) {
    if (source.kind == kSharingKind && source.definition.query.empty()) {
      bad_request("use_delta_sharing: share, schema and table are required");
    }
    return;
  }
  if (source.kind != kSharingKind) {
    bad_request("share, schema and table are those of a source with use_delta_sharing");
  }
  SharedTable table = table_of(source.definition.query);
  for (auto [member, part] :
       {std::pair{"share", &table.share}, {"schema", &table.schema}, {"table", &table.name}}) {
    if (is_given(body, member)) *part = text_or_empty(body, member);
    if (part->empty() || part->find('.') != std::string::npos) {
      bad_request(fmt::format("{} is required, a name without a dot", member));
    }
  }
  source.definition.query = query_of(table);
}

std::string profile_text(const json::Value& body) {
  const auto given = body.find("deltaSharingCredentials");
  if (given == body.end() || given->is_null() || given->empty() || *given == "") return {};
  const std::string text = given->is_string() ? given->get<std::string>() : given->dump();
  try {
    warehouse::delta_sharing::profile_in(text);
  } catch (const Error& error) {
    bad_request(fmt::format("deltaSharingCredentials: {}", error.what()));
  }
  return text;
}

}  // namespace millrace::api
