#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

namespace millrace::file {

/// Whole file as bytes. Throws Unavailable (or Misconfigured where permissions forbid it).
std::string read(const std::filesystem::path& path);

/// Replaces `path` durably: temporary name beside it, fsync of file and folder, rename.
void write(const std::filesystem::path& path, std::string_view bytes, unsigned mode = 0644);

/// Like `write`, but only when `path` does not exist yet; false when it does. Atomic between
/// processes (link(2) of a synced temporary file): nobody ever sees half of it.
bool put_if_absent(const std::filesystem::path& path, std::string_view bytes);
/// The same, but the name survives a power cut only once its folder was synced.
bool put_unsynced_if_absent(const std::filesystem::path& path, std::string_view bytes);

/// Makes what was written to a file, or the names inside a folder, survive a power cut.
void sync(const std::filesystem::path& path);

/// Creates missing folders and makes their names durable.
void make_folders(const std::filesystem::path& path);
/// The same, but adds the folders that are to be synced for that to `unsynced`.
void make_folders(const std::filesystem::path& path, std::set<std::filesystem::path>& unsynced);

}  // namespace millrace::file
