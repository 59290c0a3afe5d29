#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>

#include "catalog/catalog.h"
#include "schedule/crew.h"

/// What `serve` does beside its loads, each in a thread and with a catalog of its own, until `stop`
/// is requested. What goes wrong is told in the log, and tried again.
namespace millrace::cli {

/// Closes what processes left that died, so that the crew does it again.
void close_what_died(const std::filesystem::path& home_path, schedule::Crew& crew,
                     std::chrono::seconds every, std::stop_token stop);

/// What was kept for long enough goes: first after `first`, then once a day.
void keep_swept(const std::filesystem::path& home_path, std::chrono::seconds first,
                std::stop_token stop);

/// Tells whose newest day is late, however that came about.
void watch_freshness(const std::filesystem::path& home_path, std::stop_token stop);

/// One look of it.
void look_at_freshness(catalog::Catalog& catalog);
/// Days that nothing will load by itself: a walk through all there are.
void look_for_left_out(catalog::Catalog& catalog);

}  // namespace millrace::cli
