#pragma once

#include <memory>

#include "warehouse/libpq_login.h"
#include "warehouse/sql_connector.h"

namespace millrace::warehouse::postgres {

/// Questions go through libpq, rows through the ADBC driver's binary COPY. A snapshot is one
/// REPEATABLE READ transaction whose exported id the driver's connections and twins join.
std::unique_ptr<Transport> make_transport(LibpqLogin login);

}  // namespace millrace::warehouse::postgres
