#include "api/routes.h"
#include "api/service.h"

namespace millrace::api {
namespace {

Answer progress(Call& call) {
  return {.headers = {{"Content-Type", "text/event-stream"}, {"X-Accel-Buffering", "no"}},
          .stream = call.service.progress().stream(call.request.header("last-event-id"))};
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/api/v1/progress",
     .access = Access::Read,
     .about = "Runs and days as they begin, move on and end: a stream of server-sent events. After "
              "15 minutes it is over, and is asked for again with `Last-Event-ID`.",
     .gives = "text/event-stream",
     .answer = progress},
};

}  // namespace

std::span<const Route> progress_routes() { return kRoutes; }

}  // namespace millrace::api
