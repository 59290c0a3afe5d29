#include "arrow/producer.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

namespace millrace::arrow {
namespace {

struct Border {
  std::unique_ptr<Producer> producer;
  std::optional<Error> failure;

  int fail(Error error) {
    failure = std::move(error);
    return answer();
  }
  int answer() const { return failure->fault == Fault::Cancelled ? ECANCELED : EIO; }
};

Border& border(ArrowArrayStream* stream) { return *static_cast<Border*>(stream->private_data); }

template <typename Body>
int guarded(ArrowArrayStream* stream, Body body) noexcept {
  Border& state = border(stream);
  if (state.failure) return state.answer();
  try {
    body(*state.producer);
    return 0;
  } catch (const Error& problem) {
    return state.fail(problem);
  } catch (const std::exception& problem) {
    return state.fail(Error(Fault::Unavailable, "source_failed", problem.what()));
  } catch (...) {
    return state.fail(Error(Fault::Unavailable, "source_failed", "unknown failure of the source"));
  }
}

int get_schema(ArrowArrayStream* self, ArrowSchema* out) noexcept {
  return guarded(self, [out](Producer& producer) { producer.schema(*out); });
}

int get_next(ArrowArrayStream* self, ArrowArray* out) noexcept {
  *out = {};
  return guarded(self, [out](Producer& producer) { producer.next(*out); });
}

const char* get_last_error(ArrowArrayStream* self) noexcept {
  // In full: whoever reads it quotes it, and takes that for what may hold rows.
  const auto& failure = border(self).failure;
  if (!failure) return "";
  return failure->in_full.empty() ? failure->what() : failure->in_full.c_str();
}

void release(ArrowArrayStream* self) noexcept {
  delete &border(self);
  self->release = nullptr;
}

}  // namespace

Stream stream_of(std::unique_ptr<Producer> producer) {
  ArrowArrayStream stream{};
  stream.private_data = new Border{std::move(producer), {}};
  stream.get_schema = get_schema;
  stream.get_next = get_next;
  stream.get_last_error = get_last_error;
  stream.release = release;
  return Stream(stream);
}

std::optional<Error> failure_in(Stream& stream) {
  ArrowArrayStream* raw = stream.get();
  return raw->get_next == get_next ? border(raw).failure : std::nullopt;
}

Error failure_of(Stream& stream, int code) {
  ArrowArrayStream* raw = stream.get();
  if (const auto failure = failure_in(stream)) return *failure;
  const char* text = raw->get_last_error(raw);
  return Error(Fault::Unavailable, "source_failed",
               text != nullptr && *text != '\0' ? text : std::strerror(code));
}

}  // namespace millrace::arrow
