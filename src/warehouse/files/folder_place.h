#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "warehouse/lake/place.h"

namespace millrace::warehouse::files {

/// Throws Misconfigured `not_allowed` unless this folder, there or not yet, lies below one of the
/// roots that the server's configuration allows; a relative path is looked for below them.
void require_below_roots(const std::string& path, const std::vector<std::string>& roots);

/// A folder of this machine, below one of the roots that the server's configuration allows. Throws
/// Misconfigured `not_allowed` or `no_folder`. Links inside it may point to places inside it only.
std::unique_ptr<lake::Place> folder_place(const std::string& path,
                                          const std::vector<std::string>& roots);

}  // namespace millrace::warehouse::files
