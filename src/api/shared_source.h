#pragma once

#include <string>
#include <string_view>

#include "model/ingestion.h"
#include "model/json.h"

namespace millrace::api {

/// The kind, and the connection's name, of sources of type databricks with `use_delta_sharing`.
inline constexpr std::string_view kSharingKind = "delta_sharing";
inline constexpr std::string_view kSharingConnection = "databricks_sharing";

/// Reads the contract's `share`, `schema` and `table` over a source: what it does not name stays.
/// 400 where the source is none of Delta Sharing, or one of the three is missing.
void read_shared_table(const json::Value& body, Ingestion& source);

/// The provider's profile that `deltaSharingCredentials` holds, an object or its text; empty where
/// there is none. 400 where it is no profile.
std::string profile_text(const json::Value& body);

}  // namespace millrace::api
