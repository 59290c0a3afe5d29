#include "api/refused_calls.h"

#include <fmt/format.h>

#include <vector>

#include "base/log.h"

namespace millrace::api {
namespace {

constexpr std::chrono::minutes kCounted(1);

}  // namespace

void RefusedCalls::note(catalog::Catalog& catalog, const catalog::Actor& actor,
                        const std::string& what, int status, Instant now) {
  std::vector<Counted> ended;
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(recent_, [&](const auto& entry) {
      if (now - entry.second.since < kCounted) return false;
      if (entry.second.more > 0) ended.push_back(entry.second);
      return true;
    });
    Counted& counted = recent_[fmt::format("{} {} {}", actor.id, status, what)];
    is_first = counted.what.empty();
    if (is_first) {
      counted = {.actor = actor, .what = what, .status = status, .since = now};
    } else {
      ++counted.more;
    }
  }
  for (const Counted& one : ended) write(catalog, one, one.more);
  if (is_first) write(catalog, {.actor = actor, .what = what, .status = status, .since = now}, 1);
}

void RefusedCalls::flush(catalog::Catalog& catalog) {
  std::map<std::string, Counted> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(recent_);
  }
  for (const auto& [like, one] : all) {
    if (one.more > 0) write(catalog, one, one.more);
  }
}

void RefusedCalls::write(catalog::Catalog& catalog, const Counted& counted, std::int64_t count) {
  try {
    catalog.act_as(counted.actor);
    catalog.note("call_refused", counted.what,
                 count == 1
                     ? fmt::format("answered {}", counted.status)
                     : fmt::format("answered {}, {} times within a minute", counted.status, count));
  } catch (const Error& error) {
    log::warning("could not note that a call was refused",
                 {{"call", counted.what}, {"error", error.what()}});
  }
}

}  // namespace millrace::api
