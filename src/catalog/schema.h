#pragma once

namespace millrace::catalog {

class Database;

/// The schema that this program writes.
extern const int kSchemaVersion;

/// 0 for an empty file. A schema newer than `kSchemaVersion` is a Conflict `newer_schema`.
int schema_version(Database& database);

/// Brings the schema up to `target`, in one transaction; does nothing when it is there. Tests ask
/// for older ones.
void migrate(Database& database, int target = kSchemaVersion);

}  // namespace millrace::catalog
