#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "definition/document.h"
#include "definition/files.h"

namespace millrace::definition {

/// The file that a table stands in.
struct Source {
  const Configuration& configuration;
  const FileText& file;
};

/// `[connection.NAME]`, checked against the settings of its kind. Throws `bad_toml`.
Connection read_connection(const Node::Member& table, const Source& source);

/// `[ingestion.NAME]`, every key checked; `kind` is left empty. Throws `bad_toml`.
Ingestion read_ingestion(const Node::Member& table, const Source& source);

/// `[ingestion.NAME.mapping]` alone; `whole` has its dataset, query and folder already.
Mapping read_mapping(const Node::Member& table, const std::string& heading, const Definition& whole,
                     const Project& project);

/// What of an ingestion's table says who hears of it. Throws `bad_toml`.
Audience read_audience(const Node& ingestion, const std::string& heading);
/// `[project] owner` and `[notify]` of the home's file. Throws `bad_toml`.
NotifySettings read_notify(const Node& root, const std::filesystem::path& home);
/// `[server.oidc]` of the home's file, where it is there. Throws `bad_toml`.
std::optional<Oidc> read_oidc(const Node& server, const std::filesystem::path& home);
/// A text that must be a reference to a secret; empty where it is absent.
std::string secret_in(const Node& table, std::string_view key, const std::string& heading);
/// An address of the web; empty where it is absent.
std::string url_in(const Node& table, std::string_view key);
/// Throws `bad_toml` where the key is absent.
void need(const Node& table, std::string_view key, const std::string& heading,
          std::string_view example);
/// One plain e-mail address, that no header or command could be smuggled in with.
bool is_address(std::string_view text);
void check_address(const Node& value);
/// "18:00" as minutes of the day.
int time_of_day(const Node::Member& member);

/// Throws `bad_toml` for a name that could not be a folder's or a key's.
void check_name(const Node::Member& table, std::string_view what);

/// Throws Misconfigured when the ingestion reads a folder, or waits for something, and its `kind`
/// has none of that.
void check_fits_kind(const Ingestion& ingestion);

/// By what the file system says, symbolic links followed.
bool lies_under(const std::filesystem::path& path, const std::filesystem::path& folder);

bool is_reference(std::string_view value);
/// The name in `secret:NAME`; nothing where the value is something else.
std::optional<std::string> kept_secret(std::string_view value);
/// Throws Misconfigured `bad_reference` unless it names a variable, or a file under the home.
void check_reference(std::string_view value);

/// Runs `look`; its Error becomes `bad_toml` at this place.
template <class Look>
decltype(auto) located(const Place& place, const Look& look) {
  try {
    return look();
  } catch (const Error& error) {
    refuse(place, error.what(), error.advice);
  }
}

}  // namespace millrace::definition
