#pragma once

#include <memory>

#include "warehouse/databricks/statement_api.h"
#include "warehouse/sql_connector.h"

namespace millrace::warehouse::databricks {

std::unique_ptr<Transport> make_transport(Login login);

}  // namespace millrace::warehouse::databricks
