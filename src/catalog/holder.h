#pragma once

#include <filesystem>
#include <string>

namespace millrace::catalog {

/// Who holds the write lock of a SQLite file: "sqlite3 (process 4711 on db1)", or "another process"
/// where the kernel does not say. Reads /proc/locks, so it names any program, and it never opens
/// the file itself: closing it again would drop the locks that this process has on it.
std::string lock_holder(const std::filesystem::path& catalog);

}  // namespace millrace::catalog
