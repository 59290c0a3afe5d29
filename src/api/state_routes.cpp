#include <nlohmann/json.hpp>

#include "api/documentation.h"
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

Answer metrics(Call& call) {
  return {200,
          metrics_text(call.catalog, call.service.env().now()) + call.service.requests().text(),
          {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}};
}

Answer page_at(const std::string& path) {
  std::optional<std::string> html = documentation(path);
  if (!html) return refusal(404, "There is no such page; /docs lists all");
  return {200, std::move(*html), {{"Content-Type", "text/html; charset=utf-8"}}};
}

Answer all_pages(Call&) { return page_at(""); }
Answer page(Call& call) { return page_at(call.id); }
Answer howto_page(Call& call) { return page_at("howto/" + call.id); }
Answer reference_page_of(Call& call) { return page_at("reference/" + call.id); }
Answer decision_page(Call& call) { return page_at("decisions/" + call.id); }

constexpr Route kRoutes[] = {
    {"GET", "/healthz", Access::Open, "The process answers.", "", healthz},
    {"GET", "/readyz", Access::Open,
     "The catalog can be read; 503 once the process was told to stop.", "", readyz},
    {"GET", "/metrics", Access::Open, "Numbers for Prometheus, as text.", "", metrics},
    {"GET", "/docs", Access::Open, "This documentation, as HTML.", "", all_pages},
    {"GET", "/docs/{id}", Access::Open, "A page of it.", "", page},
    {"GET", "/docs/howto/{id}", Access::Open, "A how-to page.", "", howto_page},
    {"GET", "/docs/reference/{id}", Access::Open, "A page of reference.", "", reference_page_of},
    {"GET", "/docs/decisions/{id}", Access::Open, "Why something is as it is.", "", decision_page},
};

}  // namespace

std::span<const Route> state_routes() { return kRoutes; }

}  // namespace millrace::api
