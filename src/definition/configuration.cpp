#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/letters.h"
#include "definition/keys.h"
#include "definition/tables.h"
#include "definition/toml_text.h"

namespace millrace::definition {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kServerFile = "millrace.toml";

std::vector<std::string> texts_in(const Node& table, std::string_view key) {
  std::vector<std::string> texts;
  if (const Node::Member* list = table.find(key)) {
    for (const Node& item : list->value.items) texts.push_back(item.text);
  }
  return texts;
}

void check_unit_types(const std::vector<Node>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string& name = items[i].text;
    if (!is_unit_type_name(name)) {
      refuse(items[i].place, fmt::format("\"{}\" cannot be the name of a unit type", name),
             "Use letters, digits and _, and no digit first: columns are named after it");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (!same_name(items[j].text, name)) continue;
      refuse(items[i].place,
             fmt::format("the unit types \"{}\" and \"{}\" differ at most by case", items[j].text,
                         name),
             "Keep one of the two: some readers of the tables see only lower case");
    }
  }
}

Project read_project(const Node& table) {
  Project project;
  if (const std::string id = text_in(table, "id"); !id.empty()) project.id = id;
  const bool plain = std::all_of(project.id.begin(), project.id.end(), [](unsigned char c) {
    return std::islower(c) || std::isdigit(c) || c == '_' || c == '-';
  });
  if (!plain || project.id.front() == '_') {
    refuse(table.find("id")->value.place,
           fmt::format("\"{}\" cannot be a project's id", project.id),
           "Use lower case letters, digits, _ and -, and no _ first: a folder is named after it");
  }
  const Node::Member* zone = table.find("zone");
  project.zone = zone ? located(zone->value.place, [&] { return Zone::named(zone->value.text); })
                      : Zone::named("UTC-8");
  if (const Node::Member* units = table.find("unit_types")) {
    if (units->value.items.empty()) {
      refuse(units->value.place, "\"unit_types\" is empty",
             "For example: unit_types = [\"userID\"]");
    }
    check_unit_types(units->value.items);
    project.unit_types = texts_in(table, "unit_types");
  } else {
    project.unit_types = {"userID", "stableID"};
  }
  return project;
}

fs::path under(const fs::path& home, const std::string& path) {
  return (home / path).lexically_normal();
}

/// The path of a SQLite file; `sqlite:` and `sqlite://` may stand before it.
std::string catalog_path(const Node& table, const fs::path& home) {
  const Node::Member* url = table.find("url");
  if (!url) return under(home, "catalog.db").string();
  std::string path = url->value.text;
  for (const std::string_view prefix : {"sqlite://", "sqlite:"}) {
    if (path.starts_with(prefix)) path.erase(0, prefix.size());
  }
  if (path.empty() || path.find("://") != std::string::npos) {
    refuse(url->value.place, fmt::format("\"{}\" is no file", url->value.text),
           "The catalog is a SQLite file: url = \"catalog.db\"");
  }
  return under(home, path).string();
}

/// The members of a server table, checked; of an absent one: none.
Node table_of(const Node& root, const std::string& name) {
  const Node::Member* table = root.find(name);
  if (!table) return {};
  check_keys(table->value, table_rule(name), name);
  return table->value;
}

/// A whole number between two others.
std::int64_t number_in(const Node& table, std::string_view key, std::int64_t usual,
                       std::int64_t least, std::int64_t most) {
  const Node::Member* member = table.find(key);
  if (!member) return usual;
  const std::int64_t number = member->value.integer;
  if (number < least || number > most) {
    refuse(member->value.place,
           fmt::format("\"{}\" must be from {} to {}, not {}", key, least, most, number),
           "Write a whole number in these bounds");
  }
  return number;
}

std::chrono::days days_in(const Node& table, std::string_view key, std::chrono::seconds usual,
                          std::int64_t most) {
  const auto days = std::chrono::duration_cast<std::chrono::days>(usual).count();
  return std::chrono::days(number_in(table, key, days, 1, most));
}

Retention read_retention(const Node& table) {
  // Other writers' VACUUM may take superseded files after 90 days (`store::kForeignVacuumSpares`).
  constexpr std::int64_t kVersionsMost = 90, kQuarantineMost = 3660;
  const Retention usual;
  return {.versions = days_in(table, "versions_days", usual.versions, kVersionsMost),
          .quarantine = days_in(table, "quarantine_days", usual.quarantine, kQuarantineMost)};
}

ServiceSettings read_service(const Node& table) {
  // With less than three, a backfill would be in the way of the daily load, or that of a call.
  constexpr std::int64_t kRunsLeast = 3, kRunsMost = 64, kSecondsMost = 7 * 24 * 3600;
  const ServiceSettings usual;
  return {.runs_at_once = static_cast<int>(
              number_in(table, "runs_at_once", usual.runs_at_once, kRunsLeast, kRunsMost)),
          .load_most = std::chrono::seconds(
              number_in(table, "load_seconds", usual.load_most.count(), 1, kSecondsMost))};
}

Configuration configuration_from(const Node& root, const fs::path& home) {
  check_keys(root, table_rule(""), "");
  Configuration configuration{.home = home, .project = read_project(table_of(root, "project"))};
  const std::string store = text_in(table_of(root, "store"), "root");
  configuration.store_root = under(home, store.empty() ? "store" : store).string();
  configuration.catalog_url = catalog_path(table_of(root, "catalog"), home);
  for (const std::string& folder : texts_in(table_of(root, "files"), "roots")) {
    configuration.file_roots.push_back(under(home, folder).string());
  }
  const Node server = table_of(root, "server");
  configuration.listen = text_in(server, "listen");
  for (const auto& [key, path] : {std::pair{"tls_certificate", &configuration.tls_certificate},
                                  std::pair{"tls_key", &configuration.tls_key}}) {
    const std::string given = text_in(server, key);
    if (!given.empty()) *path = under(home, given).string();
  }
  if (configuration.tls_certificate.empty() != configuration.tls_key.empty()) {
    refuse(root.find("server")->value.place,
           "of \"tls_certificate\" and \"tls_key\" only one is given",
           "TLS needs both: a certificate, and its private key");
  }
  configuration.oidc = read_oidc(server, home);
  configuration.notify = read_notify(root, home);
  configuration.retention = read_retention(table_of(root, "retention"));
  configuration.service = read_service(table_of(root, "service"));
  return configuration;
}

Configuration defaults_in(const fs::path& home) { return configuration_from(Node(), home); }

bool same(const Configuration& a, const Configuration& b) {
  return a.project.id == b.project.id && a.project.zone == b.project.zone &&
         a.project.unit_types == b.project.unit_types && a.store_root == b.store_root &&
         a.catalog_url == b.catalog_url && a.file_roots == b.file_roots &&
         a.notify.owner == b.notify.owner;
}

/// What is asked for, with defaults in place of what is empty.
Configuration completed(Configuration wanted) {
  const Configuration usual = defaults_in(wanted.home);
  if (wanted.project.unit_types.empty()) wanted.project.unit_types = usual.project.unit_types;
  if (wanted.store_root.empty()) wanted.store_root = usual.store_root;
  if (wanted.catalog_url.empty()) wanted.catalog_url = usual.catalog_url;
  wanted.store_root = under(wanted.home, wanted.store_root).string();
  wanted.catalog_url = under(wanted.home, wanted.catalog_url).string();
  for (std::string& folder : wanted.file_roots) folder = under(wanted.home, folder).string();
  return wanted;
}

std::string first_text(const Configuration& wanted) {
  const std::string owner =
      wanted.notify.owner.empty()
          ? std::string()
          : fmt::format("owner = {:<31} # hears of days that fail, once [notify.smtp] is there\n",
                        text_value(wanted.notify.owner));
  return fmt::format(
      "[project]\n"
      "zone = {:<32} # a day begins at its midnight; or an IANA name\n"
      "unit_types = {:<26} # what ids are of; a name is never used again\n"
      "{}",
      text_value(wanted.project.zone.name()), list_value(wanted.project.unit_types), owner);
}

/// A path the way people write it into the home: relative where it lies there.
std::string short_path(const std::string& path, const fs::path& home) {
  const fs::path relative = fs::path(path).lexically_relative(home);
  return relative.empty() || *relative.begin() == ".." ? path : relative.string();
}

std::string edited(std::string text, const Configuration& known, const Configuration& wanted) {
  const auto set = [&](const char* table, const char* key, const std::string& value) {
    text = with_value(text, std::string(kServerFile), table, key, value);
  };
  const fs::path& home = wanted.home;
  if (known.project.id != wanted.project.id) set("project", "id", text_value(wanted.project.id));
  if (known.project.zone != wanted.project.zone) {
    set("project", "zone", text_value(wanted.project.zone.name()));
  }
  if (known.project.unit_types != wanted.project.unit_types) {
    set("project", "unit_types", list_value(wanted.project.unit_types));
  }
  if (known.notify.owner != wanted.notify.owner) {
    set("project", "owner", text_value(wanted.notify.owner));
  }
  if (known.store_root != wanted.store_root) {
    set("store", "root", text_value(short_path(wanted.store_root, home)));
  }
  if (known.catalog_url != wanted.catalog_url) {
    set("catalog", "url", text_value(short_path(wanted.catalog_url, home)));
  }
  if (known.file_roots != wanted.file_roots) set("files", "roots", list_value(wanted.file_roots));
  return text;
}

}  // namespace

bool is_unit_type_name(std::string_view name) {
  return !name.empty() && !std::isdigit(static_cast<unsigned char>(name.front())) &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return c < 0x80 && (std::isalnum(c) || c == '_'); });
}

Configuration read_configuration(const fs::path& home) {
  const fs::path whole = fs::absolute(home).lexically_normal();
  const fs::path folder = whole.has_filename() ? whole : whole.parent_path();
  const fs::path path = folder / kServerFile;
  if (!fs::exists(path)) {
    throw Error(Fault::Misconfigured, "no_home", fmt::format("there is no {}", path.string()),
                "Make a home with `millrace init`");
  }
  return configuration_from(parse_toml(file::read(path), std::string(kServerFile)), folder);
}

void write_configuration(const Configuration& configuration) {
  const Configuration wanted = completed(configuration);
  const fs::path path = wanted.home / kServerFile;
  const std::string old_text = fs::exists(path) ? file::read(path) : first_text(wanted);
  const Configuration known =
      configuration_from(parse_toml(old_text, std::string(kServerFile)), wanted.home);
  const std::string text = edited(old_text, known, wanted);
  const Configuration written =
      configuration_from(parse_toml(text, std::string(kServerFile)), wanted.home);
  if (!same(written, wanted)) {
    throw Error(Fault::Misconfigured, "not_editable",
                fmt::format("{} is written in a way that Millrace cannot edit", path.string()),
                "Write its tables under headings such as [project], or change it by hand");
  }
  file::write(path, text);
}

}  // namespace millrace::definition
