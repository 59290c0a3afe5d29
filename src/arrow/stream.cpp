#include "arrow/stream.h"

#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "arrow/flow.h"
#include "arrow/size.h"

namespace millrace::arrow {

Stream::Stream(Stream&& other) noexcept : stream_(other.release()) {}

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    Stream old(std::exchange(stream_, other.release()));
  }
  return *this;
}

Stream::~Stream() {
  if (stream_.release != nullptr) stream_.release(&stream_);
}

ArrowArrayStream Stream::release() noexcept { return std::exchange(stream_, ArrowArrayStream{}); }

namespace {

/// What an observed stream remembers between calls of its C consumer.
struct Observer {
  Stream inner;
  Flow& flow;
  std::function<bool()> stopped;
  ArrowSchema schema{};  ///< Ours, for counting bytes; the consumer gets one of its own.
  std::string error;

  ~Observer() {
    if (schema.release != nullptr) schema.release(&schema);
  }

  int fail(int code) {
    const char* text = inner.get()->get_last_error(inner.get());
    error = text != nullptr && *text != '\0' ? text : std::strerror(code);
    flow.fail(error);
    return code;
  }

  int next(ArrowArray* out) {
    *out = {};
    if (stopped && stopped()) {
      error = "stopped on request";
      return ECANCELED;
    }
    if (schema.release == nullptr) {
      if (const int code = inner.get()->get_schema(inner.get(), &schema); code != 0) {
        return fail(code);
      }
    }
    if (const int code = inner.get()->get_next(inner.get(), out); code != 0) return fail(code);
    if (out->release == nullptr) return 0;
    flow.rows += out->length;
    flow.bytes += bytes_in(schema, *out);
    return 0;
  }
};

Observer& observer(ArrowArrayStream* stream) {
  return *static_cast<Observer*>(stream->private_data);
}

/// Runs a callback's body at the C border: an exception becomes EIO and the stream's error text.
template <typename Body>
int guarded(ArrowArrayStream* stream, Body body) noexcept {
  try {
    return body(observer(stream));
  } catch (const std::exception& problem) {
    observer(stream).error = problem.what();
    observer(stream).flow.fail(problem.what());
    return EIO;
  } catch (...) {
    observer(stream).error = "unknown failure of the producer";
    return EIO;
  }
}

}  // namespace

Stream observed(Stream inner, Flow& flow, std::function<bool()> stopped) {
  ArrowArrayStream outer{};
  outer.private_data = new Observer{std::move(inner), flow, std::move(stopped), {}, {}};
  outer.get_schema = [](ArrowArrayStream* self, ArrowSchema* out) noexcept {
    return guarded(self, [out](Observer& state) {
      const int code = state.inner.get()->get_schema(state.inner.get(), out);
      return code == 0 ? 0 : state.fail(code);
    });
  };
  outer.get_next = [](ArrowArrayStream* self, ArrowArray* out) noexcept {
    return guarded(self, [out](Observer& state) { return state.next(out); });
  };
  outer.get_last_error = [](ArrowArrayStream* self) noexcept -> const char* {
    return observer(self).error.c_str();
  };
  outer.release = [](ArrowArrayStream* self) noexcept {
    delete &observer(self);
    self->release = nullptr;
  };
  return Stream(outer);
}

}  // namespace millrace::arrow
