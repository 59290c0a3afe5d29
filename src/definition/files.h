#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"
#include "model/ingestion.h"
#include "model/retention.h"

namespace millrace::definition {

/// Names of files that belong to a set begin with it, so that none is the name of a file of a disk.
inline constexpr std::string_view kSetRoot = "//";

/// A TOML file as it was written, with the SQL files that it names.
struct FileText {
  std::string name;  ///< As FileSet::origin.
  std::string text;
  std::map<std::string, std::string> queries;  ///< By what `query_file` says.
  bool under_home = false;        ///< Only such a file may refer to `env:` and `file:`.
  bool is_configuration = false;  ///< The home's `millrace.toml`.
};
/// A file or a folder of them, not yet understood: from this disk, or sent by a caller.
struct FileTexts {
  std::string origin;
  std::vector<FileText> files;
};

/// What a TOML file or a folder of them says. Each connection and ingestion is `managed_by` the
/// file that it stands in.
struct FileSet {
  /// File or folder: relative to the home where it lies under it ("." is the home itself), else
  /// absolute; of a named set "//NAME/path", wherever it lies. Errors and ownership name it.
  std::string origin;
  std::vector<Connection> connections;
  std::vector<Ingestion> ingestions;
  /// Where each ingestion, by its handle, names its connection: "ingestions/shop.toml:2:14".
  std::map<std::string, std::string> connection_places;
};

/// An issuer of OpenID Connect that people may sign in with.
struct Oidc {
  std::string issuer, client_id;
  std::string client_secret;  ///< A reference; empty: the client is a public one.
  std::string redirect_url;   ///< Where browsers come back to.
  std::string create_role;    ///< Of people who are no users yet; empty: they stay out.
  std::string ca_file;        ///< PEM; empty: the system's authorities.
  bool trust_email = false;   ///< Also where the issuer does not say that it verified it.
};

/// How `serve` does its work.
struct ServiceSettings {
  int runs_at_once = 4;
  /// In which a warehouse must end a day of a load or a check.
  std::chrono::seconds load_most = std::chrono::hours(6);
};

/// Server configuration: `<home>/millrace.toml`, the tables that no other file may hold.
struct Configuration {
  std::filesystem::path home;
  Project project;
  std::string store_root;   ///< Default `<home>/store`.
  std::string catalog_url;  ///< Default `<home>/catalog.db`.
  std::vector<std::string> file_roots;
  std::string listen;                    ///< Where `serve` answers; empty: the default.
  std::string tls_certificate, tls_key;  ///< PEM files; empty: no TLS.
  std::optional<Oidc> oidc;
  NotifySettings notify;
  Retention retention;
  ServiceSettings service;
};

/// Reads one file, or every *.toml below a folder (not the store, `secrets` and what starts with a
/// dot), each with its `query_file`s, relative to the file that names them: these lie below the
/// folder that is read, or below the home where the file itself does, and never below its
/// `secrets`; else Misconfigured `bad_toml`. Of a set with a name,
/// the path no longer matters: the same files are the same set on every machine.
FileTexts gather(const std::filesystem::path& path, const Configuration& configuration,
                 const std::string& set = {});
/// Checks every key: a typo is Misconfigured `bad_toml` with file, line and column in `where`, and
/// the nearest valid key. An ingestion's `kind` stays empty where its connection is not in the
/// files: `plan` fills it in.
FileSet understand(const FileTexts& texts, const Configuration& configuration);
/// Both.
FileSet read_files(const std::filesystem::path& path, const Configuration& configuration);
/// What a set may be called: one or more names of files, with / between them.
bool is_set_name(std::string_view name);
/// `<home>/millrace.toml`, with defaults for what it does not say; all paths absolute.
Configuration read_configuration(const std::filesystem::path& home);
/// What a table's key may be, of a "connection" or an "ingestion": it is typed on command lines,
/// and names files. Throws Misconfigured `bad_name`.
void require_name(std::string_view name, std::string_view what);
/// A unit type's name: `[A-Za-z_][A-Za-z0-9_]*`, as columns are named after it.
bool is_unit_type_name(std::string_view name);
/// Makes `<home>/millrace.toml` say this; an existing one keeps its comments and other tables.
/// Empty members mean the defaults.
void write_configuration(const Configuration& configuration);

class Vault;

/// `env:NAME`, `file:PATH`, `secret:NAME`: the value behind a reference; only files under the home
/// may be named. Throws Misconfigured `secret_missing` saying which variable, file or secret.
std::map<std::string, std::string> resolve(const Connection& connection,
                                           const std::filesystem::path& home, Vault& vault);

/// The secret of [server.oidc], or empty.
std::string client_secret(const Oidc& oidc, const std::filesystem::path& home, Vault& vault);

/// The same for how people are reached.
NotifySettings resolve(const NotifySettings& settings, const std::filesystem::path& home,
                       Vault& vault);

/// One that comes from elsewhere, as if a file had defined it: the same rules, the same `bad_toml`.
Ingestion as_defined(const Ingestion& ingestion, const Configuration& configuration);

std::string to_toml(const Connection& connection);
std::string to_toml(const Ingestion& ingestion);

}  // namespace millrace::definition
