#pragma once

#include <memory>

#include "warehouse/libpq_login.h"
#include "warehouse/sql_connector.h"

namespace millrace::warehouse::redshift {

/// One libpq connection, text results row by row: the leader node streams them, where a cursor
/// would keep the whole result there first. A snapshot is one transaction of that connection.
std::unique_ptr<Transport> make_transport(LibpqLogin login);

}  // namespace millrace::warehouse::redshift
