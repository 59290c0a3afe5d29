#include "definition/files.h"

#include <algorithm>
#include <cctype>
#include <map>

#include <fmt/format.h>

#include "base/error.h"
#include "definition/keys.h"
#include "definition/tables.h"
#include "warehouse/connector.h"

namespace millrace::definition {
namespace {

/// Collects the tables of all files, and refuses what two of them say twice.
class Collector {
 public:
  explicit Collector(const Configuration& configuration) : configuration_(configuration) {}

  void read(const FileText& file) {
    const Source source{configuration_, file};
    const Node root = parse_toml(file.text, file.name);
    check_keys(root, table_rule(""), "");
    for (const Node::Member& table : root.members) check_place(table, file);
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

  void check_place(const Node::Member& table, const FileText& file) const {
    if (file.is_configuration || !table_rule_is_home_only(table.key)) return;
    refuse(table.place, fmt::format("[{}] is server configuration", table.key),
           fmt::format("It belongs in {} only", (configuration_.home / "millrace.toml").string()));
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

FileSet understand(const FileTexts& texts, const Configuration& configuration) {
  Collector collector(configuration);
  for (const FileText& file : texts.files) collector.read(file);
  return collector.take(texts.origin);
}

FileSet read_files(const std::filesystem::path& path, const Configuration& configuration) {
  return understand(gather(path, configuration), configuration);
}

}  // namespace millrace::definition
