#pragma once

#include <memory>
#include <optional>

#include "arrow/stream.h"
#include "base/error.h"

namespace millrace::arrow {

/// Rows of ours behind the C border. Pulled by one thread at a time.
class Producer {
 public:
  virtual ~Producer() = default;
  /// Fills `out`, which the consumer releases.
  virtual void schema(ArrowSchema& out) = 0;
  /// The next batch; leaves `out` as it is at the end.
  virtual void next(ArrowArray& out) = 0;
};

/// The stream owns the producer. What it throws becomes EIO (Cancelled: ECANCELED) and a text; who
/// goes on after that gets the same again, never an end.
Stream stream_of(std::unique_ptr<Producer> producer);

/// The failure that a stream of `stream_of` keeps giving; none of other streams.
std::optional<Error> failure_in(Stream& stream);

/// Why a stream failed, whole where it is one of `stream_of`: C borders keep a text alone, and of
/// other streams it is Unavailable `source_failed`. `code` is what the stream answered.
Error failure_of(Stream& stream, int code);

}  // namespace millrace::arrow
