#pragma once

#include <map>
#include <string>

#include "api/routes.h"
#include "warehouse/connector.h"

/// Changing and asking connections, for every route that does.
namespace millrace::api {

/// The connection as these settings make it, stored. Secrets among them are sealed in the catalog.
/// `env:` and `file:` are refused: a caller could send any secret of this server to a host of its
/// choice. For the same reason whoever changes where a connection leads gives its secrets again.
/// A setting that is empty is taken away.
Connection put_settings(Call& call, Connection connection,
                        const std::map<std::string, std::string>& settings);

/// Throws what becomes a 404, or a 409 that names the file.
Connection connection_named(Call& call, const std::string& name);
void require_ours(const Connection& connection);

/// Secrets are "•••".
json::Value connection_json(const Connection& connection);

/// What can be set of a kind, an object each; for the API as for `--json`.
json::Value settings_json(const warehouse::Kind& kind);

/// Asks the connection's warehouse, for at most a minute.
json::Value ask(Call& call, const Connection& connection, WorkOrder order);

}  // namespace millrace::api
