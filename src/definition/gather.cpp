#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "definition/tables.h"
#include "definition/toml_text.h"

namespace millrace::definition {
namespace {

namespace fs = std::filesystem;

/// Folders of a home that hold no definitions, and what starts with a dot anywhere.
bool is_passed_over(const fs::path& folder, const Configuration& configuration) {
  return folder.filename().string().starts_with('.') || folder == configuration.home / "secrets" ||
         folder == configuration.store_root;
}

std::vector<fs::path> toml_files(const fs::path& path, const Configuration& configuration) {
  if (fs::is_regular_file(path)) return {path};
  std::vector<fs::path> files;
  for (auto entry = fs::recursive_directory_iterator(path);
       entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry->is_directory()) {
      if (is_passed_over(entry->path(), configuration)) entry.disable_recursion_pending();
    } else if (entry->path().extension() == ".toml" &&
               !entry->path().filename().string().starts_with('.')) {
      files.push_back(entry->path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Whose query a file may be: one beside the definitions that name it, so that these cannot send
/// other files of this machine to a warehouse, and show them to whoever may export.
struct Readable {
  std::vector<fs::path> folders;
  fs::path secrets;
};

void require_readable(const fs::path& path, const Place& place, const Readable& readable) {
  const auto holds = [&](const fs::path& folder) { return lies_under(path, folder); };
  if (holds(readable.secrets)) {
    refuse(place, fmt::format("{} is a secret, not a query", path.string()),
           fmt::format("Keep queries outside {}", readable.secrets.string()));
  }
  if (std::ranges::any_of(readable.folders, holds)) return;
  refuse(place, fmt::format("{} lies outside {}", path.string(), readable.folders.front().string()),
         "Keep the query's file beside the file that names it, or in a folder below");
}

/// The SQL files that ingestions name, as far as they are there; what is wrong with the tables
/// themselves is said later.
std::map<std::string, std::string> queries_of(const FileText& file, const fs::path& folder,
                                              const Readable& readable) {
  std::map<std::string, std::string> queries;
  const Node root = parse_toml(file.text, file.name);
  const Node::Member* ingestions = root.find("ingestion");
  if (!ingestions) return queries;
  for (const Node::Member& table : ingestions->value.members) {
    const Node::Member* named = table.value.find("query_file");
    if (!named || !named->value.is(Node::Type::Text)) continue;
    const fs::path path = (folder / named->value.text).lexically_normal();
    const Place& place = named->value.place;
    require_readable(path, place, readable);
    std::error_code unreadable;
    if (!fs::is_regular_file(path, unreadable)) continue;
    std::string& query = queries[named->value.text];
    query = located(place, [&] { return file::read(path); });
    if (is_utf8(query)) continue;
    refuse(place, fmt::format("{} is not UTF-8 text", path.string()), "Save it again as UTF-8");
  }
  return queries;
}

[[noreturn]] void refuse_path(const std::string& what, const char* advice) {
  throw Error(Fault::Misconfigured, "no_files", what, advice);
}

/// Relative to the home where it lies under it.
std::string origin_of(const fs::path& path, const fs::path& home) {
  const fs::path whole = fs::weakly_canonical(path);
  return lies_under(path, home) ? whole.lexically_relative(fs::weakly_canonical(home)).string()
                                : whole.string();
}

}  // namespace

bool is_set_name(std::string_view name) {
  const bool is_relative = !name.empty() && name.front() != '/' && name.back() != '/';
  const fs::path parts = name;
  return is_relative && name.find("//") == name.npos &&
         std::ranges::none_of(name, [](unsigned char c) { return c < ' '; }) &&
         std::ranges::none_of(parts,
                              [](const fs::path& part) { return part == "." || part == ".."; });
}

FileTexts gather(const fs::path& path, const Configuration& configuration, const std::string& set) {
  if (!set.empty() && !is_set_name(set)) {
    throw Error(Fault::Misconfigured, "bad_name",
                fmt::format("\"{}\" cannot be the name of a set of files", set),
                "Name it as a folder would be: warehouse, or team/warehouse");
  }
  constexpr const char* kNameOne = "Name a TOML file, or a folder of them";
  const fs::path whole = fs::absolute(path).lexically_normal();
  if (!fs::exists(whole)) refuse_path(fmt::format("there is no {}", whole.string()), kNameOne);
  std::vector<fs::path> files;
  try {
    files = toml_files(whole, configuration);
  } catch (const fs::filesystem_error& error) {
    refuse_path(
        fmt::format("could not read the folder {}: {}", whole.string(), error.code().message()),
        "Give this user permission to read it");
  }
  if (files.empty()) {
    refuse_path(fmt::format("there is no .toml file in {}", whole.string()), kNameOne);
  }
  const fs::path root = fs::is_directory(whole) ? whole : whole.parent_path();
  const auto name_of = [&](const fs::path& one) {
    if (set.empty()) return origin_of(one, configuration.home);
    const std::string whole_set = fmt::format("{}{}", kSetRoot, set);
    return one == root ? whole_set
                       : fmt::format("{}/{}", whole_set, one.lexically_relative(root).string());
  };
  const fs::path home_file = configuration.home / "millrace.toml";
  FileTexts texts{.origin = name_of(whole), .files = {}};
  for (const fs::path& one : files) {
    std::error_code missing;
    FileText text{.name = name_of(one),
                  .text = file::read(one),
                  .queries = {},
                  .under_home = set.empty() && lies_under(one, configuration.home),
                  .is_configuration = set.empty() && fs::equivalent(one, home_file, missing)};
    Readable readable{.folders = {root}, .secrets = configuration.home / "secrets"};
    if (text.under_home) readable.folders.push_back(configuration.home);
    text.queries = queries_of(text, one.parent_path(), readable);
    texts.files.push_back(std::move(text));
  }
  return texts;
}

}  // namespace millrace::definition
