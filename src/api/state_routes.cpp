#include <nlohmann/json.hpp>

#include "api/routes.h"
#include "api/service.h"

namespace millrace::api {
namespace {

Answer healthz(Call&) { return {200, R"({"status":"ok"})", {}}; }

Answer readyz(Call& call) {
  if (call.service.is_draining()) return refusal(503, "The service is about to stop");
  call.catalog.store_id();
  return {200, R"({"status":"ready"})", {}};
}

constexpr Route kRoutes[] = {
    {"GET", "/healthz", Access::Open, "The process answers.", "", healthz},
    {"GET", "/readyz", Access::Open,
     "The catalog can be read; 503 once the process was told to stop.", "", readyz},
};

}  // namespace

std::span<const Route> state_routes() { return kRoutes; }

}  // namespace millrace::api
