#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>

namespace millrace {

/// Microseconds since 1970-01-01T00:00:00Z: the only instant we store or compare.
using Instant = std::chrono::sys_time<std::chrono::microseconds>;

/// Clock, randomness and waiting. The seam where tests and simulation take over. Thread-safe.
class Env {
 public:
  virtual ~Env() = default;
  virtual Instant now() = 0;
  virtual void random(std::span<std::uint8_t> bytes) = 0;
  /// Waits, but no longer than until `stop` is requested; false when it was.
  virtual bool wait(std::chrono::milliseconds time, std::stop_token stop) = 0;
};

/// The machine's own clock and randomness; lives as long as the process.
Env& real_env();

/// A UUIDv7 as text: sorts by the time it was made, to the microsecond.
std::string new_id(Env& env);
/// When `new_id` made it, to the millisecond.
Instant made_at(const std::string& id);

/// "2026-11-24T09:30:00.000000Z"; the form used in JSON and on disk.
std::string to_text(Instant instant);
/// Reads that form; up to six digits of fraction, or none. Throws BadData `bad_instant`.
Instant instant_from_text(const std::string& text);

/// The value of an environment variable, or empty.
std::string environment_variable(const std::string& name);

}  // namespace millrace
