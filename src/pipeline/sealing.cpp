#include "pipeline/sealing.h"

#include "base/error.h"
#include "pipeline/stage_day.h"

namespace millrace::pipeline {
namespace {

constexpr std::size_t kAtOnce = 8;

}  // namespace

void Sealing::add(const DayOrder& day, Manifest manifest) {
  if (under_way_.size() == kAtOnce) tell_oldest();
  under_way_.emplace_back(
      &day, std::async(std::launch::async, [&day, staged = std::move(manifest)]() mutable {
        return seal_day(day, std::move(staged));
      }));
}

void Sealing::finish() {
  while (!under_way_.empty()) tell_oldest();
}

void Sealing::tell_oldest() {
  auto [day, manifest] = std::move(under_way_.front());
  under_way_.pop_front();
  try {
    sealed_(manifest.get());
  } catch (const Error& error) {
    failed_(*day, error);
  }
}

}  // namespace millrace::pipeline
