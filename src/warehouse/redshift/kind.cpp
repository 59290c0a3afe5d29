#include "warehouse/redshift/kind.h"

#include "warehouse/libpq_login.h"
#include "warehouse/redshift/transport.h"
#include "warehouse/sql_connector.h"

namespace millrace::warehouse::redshift {
namespace {

constexpr Setting kSettings[] = {
    kHostSetting,
    {.name = "port",
     .help = "Its port",
     .example = "5439",
     .fallback = "5439",
     .least = 1,
     .most = 65535},
    kDatabaseSetting,
    kUserSetting,
    kPasswordSetting,
    kSslmodeSetting,
    kSslrootcertSetting,
    kTimeoutSetting,
    kOptionsSetting,
    kSshHostSetting,
    kSshPortSetting,
    kSshUserSetting,
    kSshKeySetting,
    kSshKnownHostsSetting,
};

std::unique_ptr<Connector> open(const Session& session) {
  return std::make_unique<SqlConnector>(
      kDialect, make_transport(login_of(with_fallbacks(session, kSettings))));
}

}  // namespace

constinit const Kind kKind{
    .name = "redshift",
    .title = "Amazon Redshift",
    .about = "A Redshift cluster or workgroup; reads rows as text through the leader node.",
    .settings = kSettings,
    .capabilities = {.arrow_native = false, .reads_max = 2},
    .open = open,
};

}  // namespace millrace::warehouse::redshift
