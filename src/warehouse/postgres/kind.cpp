#include "warehouse/postgres/kind.h"

#include "warehouse/libpq_login.h"
#include "warehouse/postgres/transport.h"
#include "warehouse/sql_connector.h"

namespace millrace::warehouse::postgres {
namespace {

constexpr Setting kSettings[] = {
    kHostSetting,
    {.name = "port",
     .help = "Its port",
     .example = "5432",
     .fallback = "5432",
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
    .name = "postgres",
    .title = "PostgreSQL",
    .about =
        "A PostgreSQL database from version 10 on, or one that speaks like it; reads with "
        "binary COPY.",
    .settings = kSettings,
    .capabilities = {.tells_writes = true, .count_reads_rows = true, .reads_max = 4},
    .open = open,
};

}  // namespace millrace::warehouse::postgres
