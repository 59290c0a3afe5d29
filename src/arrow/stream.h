#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

// The Arrow C data interface, as published; guarded, so any other copy of it may be included too.
#include "arrow/c_abi.h"

namespace millrace::arrow {

/// Owns an ArrowArrayStream: the only shape in which rows cross a border. Pull-based, so
/// back-pressure is free. Movable, single-threaded.
class Stream {
 public:
  Stream() = default;
  /// Takes over a stream that a C producer filled in.
  explicit Stream(ArrowArrayStream stream) : stream_(stream) {}
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  explicit operator bool() const { return stream_.release != nullptr; }
  ArrowArrayStream* get() { return &stream_; }
  /// Hands the stream to a C consumer, which then releases it.
  ArrowArrayStream release() noexcept;

 private:
  ArrowArrayStream stream_{};
};

/// Rows and bytes that went by, for progress bars; read from another thread while it runs.
struct Flow;

/// Forwards `inner`, counts into `flow`, keeps there why it failed, has an error text that is never
/// null (DuckDB 1.5.5 needs that), and fails with ECANCELED soon after `stopped` answers true.
Stream observed(Stream inner, Flow& flow, std::function<bool()> stopped);

}  // namespace millrace::arrow
