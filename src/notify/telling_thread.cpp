#include "notify/telling_thread.h"

#include "base/log.h"

namespace millrace::notify {
namespace {

constexpr std::chrono::seconds kEvery(1);
/// After a look that failed: the catalog may be busy, the disk full.
constexpr std::chrono::seconds kAfterTrouble(15);

}  // namespace

TellingThread::TellingThread(const catalog::Catalog::Options& options, const Project& project,
                             const NotifySettings& settings, const Courier::Settings& resolved,
                             Env& env)
    : thread_([=, &env](std::stop_token stop) {
        std::chrono::milliseconds pause = kEvery;
        std::unique_ptr<catalog::Catalog> catalog;
        std::optional<Teller> teller;
        do {
          pause = kEvery;
          try {
            if (!catalog) {
              catalog = std::make_unique<catalog::Catalog>(options, env);
              teller.emplace(*catalog, project, settings, env);
            }
            teller->tick();
            Courier(*catalog, resolved, env).deliver(stop);
          } catch (const std::exception& error) {
            // Also our own mistakes: the loads beside this thread go on.
            log::error("could not tell people", {{"error", error.what()}});
            pause = kAfterTrouble;
          }
        } while (env.wait(pause, stop));
      }) {}

}  // namespace millrace::notify
