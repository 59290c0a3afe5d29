#include "warehouse/s3/kind.h"

#include <algorithm>

#include "warehouse/lake/connector.h"
#include "warehouse/s3/bucket_place.h"

namespace millrace::warehouse::s3 {
namespace {

constexpr Setting kSettings[] = {
    {.name = "bucket", .help = "Bucket to read", .example = "shop-exports", .required = true},
    {.name = "prefix",
     .help = "Read only what lies below this prefix; globs are relative to it",
     .example = "warehouse/"},
    {.name = "region",
     .help = "Region of the bucket",
     .example = "eu-west-1",
     .fallback = "us-east-1"},
    {.name = "endpoint",
     .help = "host:port of a server that speaks S3, without http://; Amazon's where it is not set",
     .example = "minio.internal:9000"},
    {.name = "url_style",
     .help = "path or vhost; path where an endpoint is set, else vhost",
     .example = "path",
     .one_of = "path|vhost"},
    {.name = "use_ssl",
     .help = "false for an endpoint without TLS",
     .example = "false",
     .fallback = "true",
     .one_of = "true|false"},
    {.name = "access_key_id",
     .help = "Key; without one the standard AWS chain is asked: environment, profile, role",
     .example = "AKIAIOSFODNN7EXAMPLE"},
    {.name = "secret_access_key",
     .help = "Its secret",
     .example = "env:SHOP_S3_SECRET",
     .secret = true,
     .only_with = "access_key_id"},
    {.name = "session_token",
     .help = "Token of temporary keys",
     .example = "file:secrets/s3_token",
     .secret = true,
     .only_with = "access_key_id"},
};

std::string contradiction(const std::map<std::string, std::string>& settings) {
  const Session given{settings, {}};
  if (given.get("access_key_id").empty() != given.get("secret_access_key").empty()) {
    return "access_key_id and secret_access_key belong together";
  }
  if (!given.get("session_token").empty() && given.get("access_key_id").empty()) {
    return "session_token belongs to an access_key_id";
  }
  if (given.get("endpoint").find("://") != std::string::npos) {
    return "endpoint is host:port; use_ssl says whether it is https";
  }
  if (given.get("bucket").find_first_of("/*?") != std::string::npos) {
    return "bucket is a name only; prefix takes the rest";
  }
  if (lake::climbs(given.get("prefix")) ||
      given.get("prefix").find_first_of("*?") != std::string::npos ||
      given.get("prefix").starts_with('/')) {
    return "prefix is a plain path such as warehouse/";
  }
  return {};
}

std::unique_ptr<Connector> open(const Session& session) {
  return std::make_unique<lake::LakeConnector>(bucket_place(with_fallbacks(session, kSettings)));
}

}  // namespace

constinit const Kind kKind{
    .name = "s3",
    .title = "Amazon S3",
    .about =
        "A bucket of Parquet, CSV or JSON objects at Amazon S3 or any server that speaks it, "
        "read by SQL over globs or by the layout <folder>/<YYYY-MM-DD>/.",
    .settings = kSettings,
    .capabilities = {.folder_layout = true, .tells_writes = true, .reads_max = 4},
    .open = open,
    .contradiction = contradiction,
};

}  // namespace millrace::warehouse::s3
