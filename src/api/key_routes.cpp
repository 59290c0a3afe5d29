#include "api/routes.h"

namespace millrace::api {

std::span<const Route> key_routes() { return {}; }

}  // namespace millrace::api
