#include <algorithm>
#include <cctype>
#include <map>

#include "base/letters.h"
#include "warehouse/lake/connector.h"

namespace millrace::warehouse::lake {
namespace {

bool glob_matches(std::string_view name, std::string_view glob) {
  if (glob.empty()) return name.empty();
  if (glob[0] != '*' && glob[0] != '%') {
    return !name.empty() && name[0] == glob[0] && glob_matches(name.substr(1), glob.substr(1));
  }
  for (std::size_t skip = 0; skip <= name.size(); ++skip) {
    if (glob_matches(name.substr(skip), glob.substr(1))) return true;
  }
  return false;
}

/// dt=2026-11-20/part -> dt=*/part
std::string without_partitions(const std::string& folder) {
  std::string out;
  for (std::size_t start = 0; start < folder.size();) {
    const std::size_t end = std::min(folder.find('/', start), folder.size() - 1) + 1;
    const std::string part = folder.substr(start, end - start);
    const auto equals = part.find('=');
    out += equals == std::string::npos ? part : part.substr(0, equals + 1) + "*/";
    start = end;
  }
  return out;
}

/// The folder above a day's: "sales/2026-11-20/" -> "sales"; empty where it is none.
std::string above_day(const std::string& folder) {
  if (folder.size() < 12) return {};
  const std::string last = folder.substr(folder.size() - 11, 10);
  if (folder[folder.size() - 12] != '/' || !Day::parse(last)) return {};
  return folder.substr(0, folder.size() - 12);
}

}  // namespace

bool matches(const std::string& name, const std::string& pattern) {
  const std::string wanted = lower_case(pattern), given = lower_case(name);
  if (wanted.find_first_of("*%") == std::string::npos) return given.find(wanted) != given.npos;
  return glob_matches(given, wanted);
}

std::vector<Table> tables_in(const std::vector<FileState>& files, const std::string& base) {
  struct Group {
    std::string kind, only;
    int files = 0;
  };
  std::map<std::string, Group> groups;
  for (const FileState& file : files) {
    if (!file.path.starts_with(base) || reader_of(file.path).empty()) continue;
    const std::string path = file.path.substr(base.size());
    const auto name_at = path.rfind('/') + 1;
    const std::string folder = path.substr(0, name_at);
    if (const std::string days = above_day(folder); !days.empty()) {
      groups[days].kind = "folder";
      continue;
    }
    const std::string ending = path.substr(path.find('.', name_at));
    Group& group = groups[without_partitions(folder) + "*" + ending];
    group.only = path;
    ++group.files;
  }
  std::vector<Table> tables;
  for (const auto& [glob, group] : groups) {
    if (!group.kind.empty()) {
      tables.push_back({"", glob, group.kind});
    } else {
      tables.push_back(
          {"", group.files == 1 ? group.only : glob, group.files == 1 ? "file" : "files"});
    }
  }
  return tables;
}

}  // namespace millrace::warehouse::lake
