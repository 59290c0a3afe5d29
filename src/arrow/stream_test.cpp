#include "arrow/stream.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <vector>

#include "arrow/flow.h"
#include "arrow/producer.h"
#include "arrow/size.h"

using namespace millrace;

namespace {

/// A foreign driver's stream: batches of one int64 column of `rows` rows, which then ends or fails.
struct Driver {
  std::vector<std::int64_t> batches;
  int code_at_end = 0;
  const char* error = nullptr;
  bool throws = false;
  int* released = nullptr;
  std::size_t next = 0;
};

Driver& driver(ArrowArrayStream* stream) { return *static_cast<Driver*>(stream->private_data); }

int schema_of_one_number(ArrowArrayStream*, ArrowSchema* out) {
  static ArrowSchema column{};
  static ArrowSchema* columns[] = {&column};
  column.format = "l";
  column.name = "n";
  *out = {};
  out->format = "+s";
  out->n_children = 1;
  out->children = columns;
  out->release = [](ArrowSchema* self) { self->release = nullptr; };
  return 0;
}

int next_batch(ArrowArrayStream* stream, ArrowArray* out) {
  Driver& state = driver(stream);
  if (state.throws) throw std::runtime_error("the driver threw");
  *out = {};
  if (state.next == state.batches.size()) return state.code_at_end;
  static ArrowArray column{};
  static ArrowArray* columns[] = {&column};
  column.length = state.batches[state.next];
  column.n_buffers = 2;
  out->length = state.batches[state.next++];
  out->n_children = 1;
  out->children = columns;
  out->release = [](ArrowArray* self) { self->release = nullptr; };
  return 0;
}

arrow::Stream stream_of(Driver& state) {
  ArrowArrayStream stream{};
  stream.private_data = &state;
  stream.get_schema = schema_of_one_number;
  stream.get_next = next_batch;
  stream.get_last_error = [](ArrowArrayStream* self) { return driver(self).error; };
  stream.release = [](ArrowArrayStream* self) {
    if (int* released = driver(self).released) ++*released;
    self->release = nullptr;
  };
  return arrow::Stream(stream);
}

int pull(arrow::Stream& stream) {
  ArrowArray batch{};
  const int code = stream.get()->get_next(stream.get(), &batch);
  if (batch.release != nullptr) batch.release(&batch);
  return code;
}

}  // namespace

TEST_CASE("an observed stream counts the rows and bytes that go by") {
  Driver state{.batches = {1000, 24}};
  arrow::Flow flow;
  arrow::Stream stream = observed(stream_of(state), flow, {});
  CHECK(pull(stream) == 0);
  CHECK(flow.rows == 1000);
  CHECK(flow.bytes == 8000);
  CHECK(pull(stream) == 0);
  CHECK(pull(stream) == 0);
  CHECK(flow.rows == 1024);
  CHECK(flow.bytes == 8192);
}

TEST_CASE("a stream that fails without a text gets one, for its consumer and for the flow") {
  Driver state{.code_at_end = EPIPE};
  arrow::Flow flow;
  arrow::Stream stream = observed(stream_of(state), flow, {});
  CHECK(pull(stream) == EIO);
  CHECK(std::string(stream.get()->get_last_error(stream.get())) == "Broken pipe");
  CHECK(std::string(flow.failure()->what()) == "Broken pipe");
}

TEST_CASE("the first error of a producer is kept whole") {
  Driver state{.code_at_end = EIO, .error = "server closed the connection unexpectedly"};
  arrow::Flow flow;
  arrow::Stream stream = observed(stream_of(state), flow, {});
  CHECK(pull(stream) == EIO);
  state.error = "no connection";
  CHECK(pull(stream) == EIO);
  CHECK(std::string(flow.failure()->what()) == "server closed the connection unexpectedly");
}

TEST_CASE("a stopped stream fails at the next batch") {
  Driver state{.batches = {1, 1}};
  arrow::Flow flow;
  bool stopped = false;
  arrow::Stream stream = observed(stream_of(state), flow, [&] { return stopped; });
  CHECK(pull(stream) == 0);
  stopped = true;
  CHECK(pull(stream) == ECANCELED);
  CHECK(flow.rows == 1);
}

TEST_CASE("an exception of a producer stops at the border") {
  Driver state{.throws = true};
  arrow::Flow flow;
  arrow::Stream stream = observed(stream_of(state), flow, {});
  CHECK(pull(stream) == EIO);
  CHECK(std::string(stream.get()->get_last_error(stream.get())) == "the driver threw");
}

TEST_CASE("a producer's error crosses the C border whole, and stays its answer") {
  struct Refusing : arrow::Producer {
    void schema(ArrowSchema& out) override { schema_of_one_number(nullptr, &out); }
    void next(ArrowArray&) override {
      if (++pulls > 1) return;
      throw Error(Fault::Misconfigured, "sql_error", "division by zero", "Change the query");
    }
    int pulls = 0;
  };
  arrow::Flow flow;
  arrow::Stream stream = observed(arrow::stream_of(std::make_unique<Refusing>()), flow, {});
  CHECK(pull(stream) == EIO);
  CHECK(pull(stream) == EIO);
  REQUIRE(flow.failure());
  CHECK(flow.failure()->fault == Fault::Misconfigured);
  CHECK(flow.failure()->code == "sql_error");
  CHECK(flow.failure()->advice == "Change the query");
}

TEST_CASE("a stream is released once, by whoever holds it last") {
  int released = 0;
  Driver state{.released = &released};
  {
    arrow::Flow flow;
    arrow::Stream first = observed(stream_of(state), flow, {});
    arrow::Stream second = std::move(first);
    CHECK_FALSE(first);
    first = std::move(second);
    CHECK(released == 0);
  }
  CHECK(released == 1);
  ArrowArrayStream raw = stream_of(state).release();
  CHECK(released == 1);
  raw.release(&raw);
  CHECK(released == 2);
}

TEST_CASE("only the bytes of an array's own slice are counted") {
  const std::int32_t offsets[] = {0, 10, 25, 100};
  const void* buffers[] = {nullptr, offsets, nullptr};
  ArrowSchema schema{};
  schema.format = "u";
  ArrowArray array{};
  array.length = 1;
  array.offset = 1;
  array.n_buffers = 3;
  array.buffers = buffers;
  CHECK(arrow::bytes_in(schema, array) == 15);
}

TEST_CASE("fixed widths follow the format") {
  ArrowSchema schema{};
  ArrowArray array{};
  array.length = 16;
  for (const auto& [format, bytes] : std::vector<std::pair<const char*, int>>{{"b", 2},
                                                                              {"c", 16},
                                                                              {"s", 32},
                                                                              {"i", 64},
                                                                              {"g", 128},
                                                                              {"tsu:UTC", 128},
                                                                              {"tdD", 64},
                                                                              {"d:18,2", 256},
                                                                              {"d:9,2,32", 64},
                                                                              {"w:16", 256},
                                                                              {"n", 0}}) {
    CAPTURE(format);
    schema.format = format;
    CHECK(arrow::bytes_in(schema, array) == bytes);
  }
}
