#include "warehouse/delta_sharing/kind.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "warehouse/delta_sharing/share_place.h"
#include "warehouse/lake/connector.h"

namespace millrace::warehouse::delta_sharing {
namespace {

constexpr Setting kSettings[] = {
    {.name = "profile",
     .help = "The provider's profile file (config.share): JSON with endpoint and bearerToken",
     .example = "file:secrets/config.share",
     .required = true,
     .secret = true},
    {.name = "sslrootcert",
     .help = "File of the certificate authorities to trust; the system's where it is not set",
     .example = "/etc/ssl/certs/proxy-ca.pem"},
};

/// Tables by name, where the other lakes have files by path.
class ShareConnector final : public lake::LakeConnector {
 public:
  explicit ShareConnector(SharingApi api) : LakeConnector(share_place(api)), api_(std::move(api)) {}

  ProbeReport probe(std::stop_token stop) override {
    std::vector<SharedTable> tables;
    return probed({
        {place().first_step(), [&] { return place().found(); }},
        {"list tables",
         [&] {
           tables = api_.tables(stop);
           return fmt::format("{} table{}", tables.size(), tables.size() == 1 ? "" : "s");
         }},
        {"read a table",
         [&] {
           if (tables.empty()) return std::string("none is shared yet");
           const std::string name = tables.front().text();
           return fmt::format("{} has {} columns", name, columns(name, stop).size());
         }},
    });
  }

  std::vector<Table> browse(const std::string& pattern, std::stop_token stop) override {
    std::vector<Table> found;
    for (const SharedTable& table : api_.tables(stop)) {
      if (lake::matches(table.text(), pattern)) found.push_back({"", table.text(), "table"});
    }
    return found;
  }

  std::vector<Column> columns(const std::string& table, std::stop_token stop) override {
    Query query;
    query.sql = "select * from " + engine::literal(table);
    return describe(query, Day(), stop);
  }

  std::optional<std::string> written(const std::string& table, Day day, const Zone& zone,
                                     std::stop_token stop) override {
    try {
      return LakeConnector::written(table, day, zone, stop);
    } catch (const Error& error) {
      if (error.code == "not_there") return {};
      throw;
    }
  }

 private:
  SharingApi api_;
};

std::unique_ptr<Connector> open(const Session& given) {
  const Session session = with_fallbacks(given, kSettings);
  Profile profile = profile_in(session.get("profile"));
  profile.ca_file = session.get("sslrootcert");
  return std::make_unique<ShareConnector>(SharingApi(std::move(profile)));
}

}  // namespace

constinit const Kind kKind{
    .name = "delta_sharing",
    .title = "Delta Sharing",
    .about =
        "Tables that a provider shares by the Delta Sharing protocol, read by SQL over "
        "'share.schema.table'.",
    .settings = kSettings,
    .capabilities = {.tells_writes = true, .reads_max = 4},
    .open = open,
};

}  // namespace millrace::warehouse::delta_sharing
