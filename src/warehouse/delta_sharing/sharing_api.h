#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/env.h"
#include "base/http.h"
#include "base/secret.h"
#include "model/json.h"
#include "warehouse/http_error.h"

namespace millrace::warehouse::delta_sharing {

/// What a provider gives a recipient: the profile file of the protocol, version 1.
struct Profile {
  std::string endpoint;  ///< Without a slash at its end.
  Secret token;
  std::optional<Instant> expires;
  std::string ca_file;  ///< Authorities instead of the system's; not the profile's.
};
/// Throws Misconfigured `bad_profile`, which never quotes it.
Profile profile_in(std::string_view text);

/// A table as a query names it: "share.schema.table".
struct SharedTable {
  std::string share, schema, name;
  std::string text() const { return share + "." + schema + "." + name; }
};
/// None where the name has not three parts.
std::optional<SharedTable> shared_table(std::string_view name);

/// The Delta Sharing protocol over HTTP, its responses in the format "parquet":
/// github.com/delta-io/delta-sharing/blob/main/PROTOCOL.md. Thread-safe.
class SharingApi {
 public:
  explicit SharingApi(Profile profile) : profile_(std::move(profile)) {}
  const Profile& profile() const { return profile_; }

  /// Every table of every share.
  std::vector<SharedTable> tables(std::stop_token stop) const;
  /// What the server says of a table, without its files or with them, as lines of JSON in a file.
  /// Misconfigured `not_there` where there is no such table.
  void describe(const SharedTable& table, const std::filesystem::path& into,
                std::stop_token stop) const;
  void list(const SharedTable& table, const std::filesystem::path& into,
            std::stop_token stop) const;
  /// The file behind one of the server's links, which holds its own permission and must see no
  /// other. False where the link leads nowhere any more.
  bool download(const std::string& link, const std::filesystem::path& into,
                std::stop_token stop) const;

 private:
  HttpCall call_of(const std::string& path, std::stop_token stop) const;
  /// The answer of 200, or what another means.
  HttpReply heard(const HttpCall& call) const;
  /// The items of all pages of a list.
  std::vector<json::Value> items(const std::string& path, std::stop_token stop) const;

  Profile profile_;
};

}  // namespace millrace::warehouse::delta_sharing
