#include "warehouse/delta_sharing/sharing_api.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/url.h"

namespace millrace::warehouse::delta_sharing {
namespace {

using json::text_in;

constexpr std::chrono::seconds kFileMost(3600);
/// Pages of a list that are read: a server that never ends must not hold a probe for ever.
constexpr int kPagesMost = 1000;

[[noreturn]] void bad_profile(const std::string& problem) {
  throw Error(Fault::Misconfigured, "bad_profile", "reading the profile: " + problem,
              "Give the file that the provider let you download: JSON with endpoint and "
              "bearerToken");
}

HttpParty party_of(const Profile& profile) {
  return {
      .address = profile.endpoint,
      .unauthorized = "Ask the provider for a new profile; a token ends at its expirationTime",
      .forbidden = "Ask the provider to grant the share to you",
      .missing = "`millrace connection tables NAME` lists what is shared",
      .tls =
          "Set sslrootcert to the file of the authority that signed the server's certificate, "
          "if that is one of your own",
      .unreachable = "Check the profile's endpoint",
  };
}

[[noreturn]] void stopped() {
  throw Error(Fault::Cancelled, "stopped", "asking the sharing server was stopped");
}

std::string route_of(const SharedTable& table) {
  return fmt::format("/shares/{}/schemas/{}/tables/{}", url_escaped(table.share),
                     url_escaped(table.schema), url_escaped(table.name));
}

}  // namespace

Profile profile_in(std::string_view text) {
  const json::Value value = json::Value::parse(text, nullptr, false);
  if (!value.is_object()) bad_profile("it is not JSON");
  Profile profile;
  profile.endpoint = text_in(value, "endpoint");
  while (profile.endpoint.ends_with('/')) profile.endpoint.pop_back();
  if (const std::string type = text_in(value, "type"); !type.empty() && type != "bearer_token") {
    bad_profile(fmt::format("logging in by {} is not built, only bearer_token", type));
  }
  std::string token = text_in(value, "bearerToken");
  if (profile.endpoint.empty()) bad_profile("endpoint is missing");
  if (token.empty()) bad_profile("bearerToken is missing");
  if (!is_private(profile.endpoint)) {
    bad_profile(
        "its endpoint is neither https nor this machine, so that anybody on the way "
        "could read the token");
  }
  profile.token = Secret(std::move(token));
  if (const std::string ends = text_in(value, "expirationTime"); !ends.empty()) {
    try {
      profile.expires = instant_from_text(ends);
    } catch (const std::exception&) {
      bad_profile("expirationTime is no time");
    }
  }
  return profile;
}

std::optional<SharedTable> shared_table(std::string_view name) {
  const auto first = name.find('.'), last = name.rfind('.');
  if (first == name.npos || first == last) return {};
  SharedTable table{std::string(name.substr(0, first)),
                    std::string(name.substr(first + 1, last - first - 1)),
                    std::string(name.substr(last + 1))};
  const bool is_whole = !table.share.empty() && !table.schema.empty() && !table.name.empty();
  if (!is_whole || table.schema.find('.') != std::string::npos) return {};
  return table;
}

HttpCall SharingApi::call_of(const std::string& path, std::stop_token stop) const {
  return {.url = profile_.endpoint + path,
          .headers = {{"Authorization", "Bearer " + profile_.token.reveal()},
                      {"Content-Type", "application/json; charset=utf-8"}},
          .ca_file = profile_.ca_file,
          .stop = std::move(stop)};
}

HttpReply SharingApi::heard(const HttpCall& call) const {
  HttpReply reply = http(call);
  if (call.stop.stop_requested()) stopped();
  const std::string said = text_in(json::Value::parse(reply.body, nullptr, false), "message");
  require_heard(reply, said, party_of(profile_));
  if (reply.status != 200) {
    throw Error(Fault::Misconfigured, "request_refused", answered(reply, said, profile_.endpoint),
                "Tables with deletion vectors or column mapping cannot be read: ask the provider "
                "for one without, or for a copy");
  }
  return reply;
}

std::vector<json::Value> SharingApi::items(const std::string& path, std::stop_token stop) const {
  std::vector<json::Value> all;
  std::string page;
  for (int i = 0; i < kPagesMost; ++i) {
    const std::string query = page.empty() ? "" : "?pageToken=" + url_escaped(page);
    const HttpReply reply = heard(call_of(path + query, stop));
    const json::Value answer = json::Value::parse(reply.body, nullptr, false);
    if (!answer.is_object()) {
      throw Error(Fault::Unavailable, "bad_answer",
                  fmt::format("{} answered something that is not JSON", profile_.endpoint),
                  "Check that the profile's endpoint is a Delta Sharing server");
    }
    for (const json::Value& item : answer.value("items", json::Value::array())) {
      all.push_back(item);
    }
    page = text_in(answer, "nextPageToken");
    if (page.empty()) break;
  }
  return all;
}

std::vector<SharedTable> SharingApi::tables(std::stop_token stop) const {
  std::vector<SharedTable> tables;
  for (const json::Value& share : items("/shares", stop)) {
    const std::string name = text_in(share, "name");
    for (const json::Value& table :
         items(fmt::format("/shares/{}/all-tables", url_escaped(name)), stop)) {
      tables.push_back({name, text_in(table, "schema"), text_in(table, "name")});
    }
  }
  return tables;
}

void SharingApi::describe(const SharedTable& table, const std::filesystem::path& into,
                          std::stop_token stop) const {
  HttpCall call = call_of(route_of(table) + "/metadata", std::move(stop));
  call.into = into;
  heard(call);
}

void SharingApi::list(const SharedTable& table, const std::filesystem::path& into,
                      std::stop_token stop) const {
  HttpCall call = call_of(route_of(table) + "/query", std::move(stop));
  call.body = "{}";
  call.into = into;
  call.most = kFileMost;
  heard(call);
}

bool SharingApi::download(const std::string& link, const std::filesystem::path& into,
                          std::stop_token stop) const {
  // A provider elsewhere has no business with what listens on this machine.
  const bool is_here = profile_.endpoint.starts_with("http://") && is_private(link);
  if (!link.starts_with("https://") && !is_here) {
    throw Error(
        Fault::Misconfigured, "not_allowed",
        fmt::format("{} gave a link to {} that is not https", profile_.endpoint, host_of(link)),
        "Ask the provider: rows would travel readable for all on the way");
  }
  const HttpReply reply = http({.url = link,
                                .headers = {},
                                .ca_file = profile_.ca_file,
                                .most = kFileMost,
                                .into = into,
                                .stop = stop});
  if (stop.stop_requested()) stopped();
  if (reply.status == 200) return true;
  if (reply.status >= 400 && reply.status < 500 && reply.status != 429) return false;
  // Without the rest of the link, which lets whoever has it read the rows.
  throw Error(
      Fault::Unavailable, "source_failed",
      fmt::format("fetching rows from {} failed: {}", host_of(link),
                  reply.status == 0 ? reply.problem : fmt::format("it answered {}", reply.status)),
      "Load the day again; a firewall may keep this machine from the provider's storage");
}

}  // namespace millrace::warehouse::delta_sharing
