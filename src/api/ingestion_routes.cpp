#include "api/routes.h"

namespace millrace::api {

std::span<const Route> ingestion_routes() { return {}; }

}  // namespace millrace::api
