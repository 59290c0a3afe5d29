#include "catalog/schema.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "catalog/database.h"
#include "catalog/migrations.h"

namespace millrace::catalog {
namespace {

void refuse_newer(Database& database, int version) {
  if (version <= kSchemaVersion) return;
  throw Error(Fault::Conflict, "newer_schema",
              fmt::format("the catalog {} was written by a newer Millrace: its schema is {}, this "
                          "program knows up to {}",
                          database.path().string(), version, kSchemaVersion),
              "Use the newer program, or restore a catalog from before the update");
}

}  // namespace

const int kSchemaVersion = static_cast<int>(migrations().size());

int schema_version(Database& database) {
  int version = 0;
  std::string table;
  if (database.one("SELECT name FROM sqlite_master WHERE name = 'schema_version'", {}, table)) {
    database.one("SELECT version FROM schema_version", {}, version);
  }
  refuse_newer(database, version);
  return version;
}

void migrate(Database& database, int target) {
  if (schema_version(database) >= target) return;
  Transaction transaction(database);
  const int version = schema_version(database);
  if (version >= target) return;
  if (version == 0) {
    database.run("CREATE TABLE schema_version (version BIGINT NOT NULL)");
    database.run("INSERT INTO schema_version (version) VALUES (0)");
  }
  const auto first = static_cast<std::size_t>(version), last = static_cast<std::size_t>(target);
  for (const auto statements : migrations().subspan(first, last - first)) {
    for (const std::string_view statement : statements) database.run(statement);
  }
  database.run("UPDATE schema_version SET version = :version", {target});
  transaction.commit();
}

}  // namespace millrace::catalog
