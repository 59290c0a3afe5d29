#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "arrow/stream.h"
#include "warehouse/libpq_login.h"
#include "warehouse/sql_connector.h"

namespace millrace::warehouse::postgres {

/// The loaded ADBC driver with a login; makes connections.
class AdbcSource;
/// shared: unchanging, and a stream made with it may outlive the session that opened it.
using SharedSource = std::shared_ptr<AdbcSource>;
SharedSource open_source(const LibpqLogin& login);

/// The rows of a SELECT by COPY … (FORMAT binary), on a connection of the stream's own, after
/// `before` was run there. The SELECT's columns must have types that every server has. A requested
/// `stop` cancels the statement at the server, also while rows are pulled.
arrow::Stream copy_out(SharedSource source, const std::vector<std::string>& before,
                       const Statement& statement, std::stop_token stop);

}  // namespace millrace::warehouse::postgres
