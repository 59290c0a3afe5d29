#include "definition/files.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "definition/keys.h"
#include "definition/tables.h"
#include "warehouse/connector.h"

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

/// Collects the tables of all files, and refuses what two of them say twice.
class Collector {
 public:
  explicit Collector(const Configuration& configuration) : configuration_(configuration) {}

  void read(const fs::path& path) {
    const Source source{.configuration = configuration_,
                        .path = path,
                        .name = origin_of(path, configuration_.home),
                        .under_home = lies_under(path, configuration_.home)};
    const Node root = parse_toml(file::read(path), source.name);
    check_keys(root, table_rule(""), "");
    for (const Node::Member& table : root.members) check_place(table, path);
    for (const Node::Member& table : tables_of(root, "connection")) {
      once(connection_places_, "connection " + table.key, table.place);
      files_.connections.push_back(read_connection(table, source));
    }
    for (const Node::Member& table : tables_of(root, "ingestion")) {
      once(ingestion_places_, "ingestion " + table.key, table.place);
      files_.ingestions.push_back(read_ingestion(table, source));
      places_.push_back(table.place);
      files_.connection_places[table.key] = table.value.find("connection")->value.place.text();
    }
  }

  FileSet take(const std::string& origin) {
    files_.origin = origin;
    std::map<std::string, Place> shown_names;
    for (std::size_t i = 0; i < files_.ingestions.size(); ++i) {
      Ingestion& ingestion = files_.ingestions[i];
      const Connection* connection = connection_named(ingestion.connection);
      if (!connection) continue;
      ingestion.kind = connection->kind;
      located(places_[i], [&] { check_fits_kind(ingestion); });
      once(shown_names,
           fmt::format("{}/{}/{}", ingestion.kind, name_of(ingestion.definition.dataset),
                       ingestion.name),
           places_[i]);
    }
    return std::move(files_);
  }

 private:
  static const std::vector<Node::Member>& tables_of(const Node& root, std::string_view key) {
    static const std::vector<Node::Member> none;
    const Node::Member* tables = root.find(key);
    if (!tables) return none;
    for (const Node::Member& table : tables->value.members) {
      if (table.value.is(Node::Type::Table)) continue;
      refuse(
          table.place,
          fmt::format("[{}.{}] must be a table, not {}", key, table.key, table.value.type_name()),
          fmt::format("Write a heading [{}.NAME] above the keys", key));
    }
    return tables->value.members;
  }

  void check_place(const Node::Member& table, const fs::path& path) const {
    const fs::path home_file = configuration_.home / "millrace.toml";
    std::error_code missing;
    if (!table_rule_is_home_only(table.key) || fs::equivalent(path, home_file, missing)) return;
    refuse(table.place, fmt::format("[{}] is server configuration", table.key),
           fmt::format("It belongs in {} only", home_file.string()));
  }

  static bool table_rule_is_home_only(std::string_view key) {
    const auto rules = table_rules();
    return std::any_of(rules.begin(), rules.end(), [&](const TableRule& rule) {
      return rule.home_only && rule.heading == key;
    });
  }

  static void once(std::map<std::string, Place>& places, const std::string& what,
                   const Place& place) {
    const auto [first, is_new] = places.emplace(what, place);
    if (is_new) return;
    refuse(place, fmt::format("{} is defined twice, first in {}", what, first->second.text()),
           "Keep one of the two, or give one another name");
  }

  const Connection* connection_named(const std::string& name) const {
    const auto found =
        std::find_if(files_.connections.begin(), files_.connections.end(),
                     [&](const Connection& connection) { return connection.name == name; });
    return found == files_.connections.end() ? nullptr : &*found;
  }

  const Configuration& configuration_;
  FileSet files_;
  std::vector<Place> places_;  ///< Of each ingestion.
  std::map<std::string, Place> connection_places_, ingestion_places_;
};

}  // namespace

std::string origin_of(const fs::path& path, const fs::path& home) {
  const fs::path whole = fs::weakly_canonical(path);
  return lies_under(path, home) ? whole.lexically_relative(fs::weakly_canonical(home)).string()
                                : whole.string();
}

void require_name(std::string_view name, std::string_view what) {
  constexpr std::size_t kLengthMax = 128;
  const bool plain = !name.empty() && name.size() <= kLengthMax && name.front() != '-' &&
                     std::all_of(name.begin(), name.end(), [](unsigned char c) {
                       return std::isalnum(c) || c == '_' || c == '-';
                     });
  if (plain) return;
  throw Error(Fault::Misconfigured, "bad_name",
              fmt::format("\"{}\" cannot be the name of a{} {}", name,
                          what.starts_with('i') ? "n" : "", what),
              fmt::format("Use letters, digits, _ and -, at most {}{}", kLengthMax,
                          what == "ingestion" ? "; `name` may hold what people shall see" : ""));
}

void check_name(const Node::Member& table, std::string_view what) {
  located(table.place, [&] { require_name(table.key, what); });
}

void check_fits_kind(const Ingestion& ingestion) {
  const warehouse::Capabilities& facts = warehouse::kind_named(ingestion.kind).capabilities;
  const auto refuse_key = [&](std::string_view key, const char* advice) {
    throw Error(Fault::Misconfigured, "bad_toml",
                fmt::format("\"{}\" does not apply to {}, which is a connection of kind {}", key,
                            ingestion.connection, ingestion.kind),
                advice);
  };
  if (!ingestion.definition.folder.empty() && !facts.folder_layout) {
    refuse_key("folder", "Write a query");
  }
  for (const Gate& gate : ingestion.upkeep.schedule.ready) {
    const bool fits = gate.kind == Gate::Kind::Object  ? facts.folder_layout
                      : gate.kind == Gate::Kind::Table ? facts.tells_writes
                                                       : true;
    constexpr const char* kAskWithSql = "Ask with SQL: ready = [{ sql = \"select …\" }]";
    if (!fits) refuse_key(name_of(gate.kind), kAskWithSql);
    if (gate.kind == Gate::Kind::Table && !facts.folder_layout && has_placeholders(gate.text)) {
      throw Error(Fault::Misconfigured, "bad_toml",
                  fmt::format("the table \"{}\" that a day waits for has a placeholder, which only "
                              "paths of files may have",
                              gate.text),
                  kAskWithSql);
    }
  }
}

FileSet read_files(const fs::path& path, const Configuration& configuration) {
  const fs::path whole = fs::absolute(path).lexically_normal();
  if (!fs::exists(whole)) {
    throw Error(Fault::Misconfigured, "no_files", fmt::format("there is no {}", whole.string()),
                "Name a TOML file, or a folder of them");
  }
  std::vector<fs::path> files;
  try {
    files = toml_files(whole, configuration);
  } catch (const fs::filesystem_error& error) {
    throw Error(
        Fault::Misconfigured, "no_files",
        fmt::format("could not read the folder {}: {}", whole.string(), error.code().message()),
        "Give this user permission to read it");
  }
  if (files.empty()) {
    throw Error(Fault::Misconfigured, "no_files",
                fmt::format("there is no .toml file in {}", whole.string()),
                "Name a TOML file, or a folder of them");
  }
  Collector collector(configuration);
  for (const fs::path& file : files) collector.read(file);
  return collector.take(origin_of(whole, configuration.home));
}

}  // namespace millrace::definition
