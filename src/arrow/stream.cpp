#include "arrow/stream.h"

#include <memory>
#include <utility>

#include "arrow/flow.h"
#include "arrow/producer.h"
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

class Observer final : public Producer {
 public:
  Observer(Stream inner, Flow& flow, std::function<bool()> stopped)
      : inner_(std::move(inner)), flow_(flow), stopped_(std::move(stopped)) {}
  ~Observer() override {
    if (schema_.release != nullptr) schema_.release(&schema_);
  }
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  void schema(ArrowSchema& out) override { require(inner_.get()->get_schema(inner_.get(), &out)); }

  void next(ArrowArray& out) override {
    if (stopped_ && stopped_()) {
      throw Error(Fault::Cancelled, "stopped", "the statement was stopped on request");
    }
    if (schema_.release == nullptr) schema(schema_);
    require(inner_.get()->get_next(inner_.get(), &out));
    if (out.release == nullptr) return;
    flow_.rows += out.length;
    flow_.bytes += bytes_in(schema_, out);
    if (flow_.look) flow_.look(schema_, out);
  }

 private:
  void require(int code) {
    if (code == 0) return;
    Error failure = failure_of(inner_, code);
    flow_.fail(failure);
    throw failure;
  }

  Stream inner_;
  Flow& flow_;
  const std::function<bool()> stopped_;
  ArrowSchema schema_{};  ///< Ours, for counting bytes; the consumer gets one of its own.
};

}  // namespace

Stream observed(Stream inner, Flow& flow, std::function<bool()> stopped) {
  return stream_of(std::make_unique<Observer>(std::move(inner), flow, std::move(stopped)));
}

}  // namespace millrace::arrow
