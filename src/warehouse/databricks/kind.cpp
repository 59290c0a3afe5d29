#include "warehouse/databricks/kind.h"

#include <chrono>
#include <string>

#include "base/url.h"
#include "warehouse/databricks/transport.h"

namespace millrace::warehouse::databricks {
namespace {

constexpr std::string_view kPathStart = "/sql/1.0/warehouses/";

constexpr Setting kSettings[] = {
    {.name = "host",
     .help = "Name of the workspace, as \"Server hostname\" shows it",
     .example = "adb-1234567890.12.azuredatabricks.net",
     .required = true},
    {.name = "http_path",
     .help = "\"HTTP path\" of a SQL warehouse; also one that starts when it is asked",
     .example = "/sql/1.0/warehouses/a1b2c3d4e5f60789",
     .required = true},
    {.name = "token",
     .help = "Personal access token, best of a service principal that may only SELECT",
     .example = "env:DATABRICKS_TOKEN",
     .required = true,
     .secret = true},
    {.name = "catalog",
     .help = "Catalog of names that name none; the workspace's default where it is not set",
     .example = "main"},
    {.name = "schema", .help = "Schema of names that name none", .example = "sales"},
    {.name = "sslrootcert",
     .help = "File of the certificate authorities to trust; the system's where it is not set",
     .example = "/etc/ssl/certs/proxy-ca.pem"},
    {.name = "use_ssl",
     .help = "false for a server on this machine without TLS",
     .example = "false",
     .fallback = "true",
     .one_of = "true|false"},
    {.name = "connect_timeout",
     .help = "Seconds to wait for an answer",
     .example = "30",
     .fallback = "30",
     .least = 1,
     .most = 3600},
};

std::string contradiction(const std::map<std::string, std::string>& settings) {
  const Session given{settings, {}};
  const std::string host = given.get("host"), path = given.get("http_path");
  if (host.find('/') != std::string::npos) return "host is a name only, without https://";
  if (!path.empty() && (!path.starts_with(kPathStart) || path.size() == kPathStart.size())) {
    return "http_path is that of a SQL warehouse, /sql/1.0/warehouses/<id>; clusters are not asked";
  }
  if (given.get("use_ssl") == "false" && !is_private("http://" + host)) {
    return "use_ssl = \"false\" would send the token readable for all on the way to another "
           "machine";
  }
  return {};
}

std::unique_ptr<Connector> open(const Session& given) {
  const Session session = with_fallbacks(given, kSettings);
  Login login;
  login.address =
      (session.get("use_ssl") == "false" ? "http://" : "https://") + session.get("host");
  login.warehouse_id = session.get("http_path").substr(kPathStart.size());
  login.token = Secret(session.get("token"));
  login.catalog = session.get("catalog");
  login.schema = session.get("schema");
  login.ca_file = session.get("sslrootcert");
  login.timeout = std::chrono::seconds(std::stoi(session.get("connect_timeout")));
  return std::make_unique<SqlConnector>(kDialect, make_transport(std::move(login)));
}

}  // namespace

constinit const Kind kKind{
    .name = "databricks",
    .title = "Databricks",
    .about = "A Databricks SQL warehouse, through the Statement Execution API; reads Arrow.",
    .settings = kSettings,
    .capabilities = {.reads_max = 4},
    .open = open,
    .contradiction = contradiction,
};

}  // namespace millrace::warehouse::databricks
