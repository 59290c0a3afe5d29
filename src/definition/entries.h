#pragma once

#include <string>
#include <vector>

#include "model/ingestion.h"

namespace millrace::definition {

/// One line of a definition as TOML. What is exported and what a plan compares is the same list.
struct Entry {
  std::string table;  ///< "", "mapping" or "limits"
  std::string key;
  std::string value;  ///< TOML.
  bool operator==(const Entry&) const = default;
};

/// What says nothing beyond the defaults is left out; in the order people expect.
std::vector<Entry> entries_of(const Connection& connection);
std::vector<Entry> entries_of(const Ingestion& ingestion);

/// How to get from one to the other, a line each: "mapping.timestamp: \"ts\" -> \"at\"".
std::vector<std::string> differences(const std::vector<Entry>& before,
                                     const std::vector<Entry>& after);

}  // namespace millrace::definition
