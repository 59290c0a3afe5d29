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

Answer openapi_json(Call&) { return {200, openapi(), {}}; }

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/healthz",
     .about = "The process answers.",
     .gives = "{status*: text}",
     .answer = healthz},
    {.method = "GET",
     .path = "/readyz",
     .about = "The catalog can be read; 503 once the process was told to stop.",
     .gives = "{status*: text}",
     .refuses = "503",
     .answer = readyz},
    {.method = "GET",
     .path = "/openapi.json",
     .about = "This table, as OpenAPI 3.1.",
     .gives = "object",
     .answer = openapi_json},
    {.method = "GET",
     .path = "/metrics",
     .about = "Numbers for Prometheus, as text.",
     .gives = "text/plain",
     .answer = metrics},
    {.method = "GET",
     .path = "/docs",
     .about = "This documentation, as HTML.",
     .gives = "text/html",
     .answer = all_pages},
    {.method = "GET",
     .path = "/docs/{id}",
     .about = "A page of it.",
     .gives = "text/html",
     .answer = page},
    {.method = "GET",
     .path = "/docs/howto/{id}",
     .about = "A how-to page.",
     .gives = "text/html",
     .answer = howto_page},
    {.method = "GET",
     .path = "/docs/reference/{id}",
     .about = "A page of reference.",
     .gives = "text/html",
     .answer = reference_page_of},
    {.method = "GET",
     .path = "/docs/decisions/{id}",
     .about = "Why something is as it is.",
     .gives = "text/html",
     .answer = decision_page},
};

}  // namespace

std::span<const Route> state_routes() { return kRoutes; }

}  // namespace millrace::api
