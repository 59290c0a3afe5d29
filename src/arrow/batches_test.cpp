#include "arrow/batches.h"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/producer.h"

using namespace millrace;

namespace {

/// A batch of one text column, which counts when it is let go.
struct Texts {
  std::vector<std::int32_t> offsets{0};
  std::string bytes;
  std::array<const void*, 3> buffers{};
  ArrowArray column{};
  std::array<ArrowArray*, 1> columns{&column};
  int released = 0;

  explicit Texts(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      bytes += text;
      offsets.push_back(static_cast<std::int32_t>(bytes.size()));
    }
    buffers = {nullptr, offsets.data(), bytes.data()};
  }

  ArrowArray array() {
    column.length = static_cast<std::int64_t>(offsets.size()) - 1;
    column.n_buffers = 3;
    column.buffers = buffers.data();
    column.release = [](ArrowArray* self) { self->release = nullptr; };
    ArrowArray whole{};
    whole.length = column.length;
    whole.n_children = 1;
    whole.children = columns.data();
    whole.private_data = this;
    whole.release = [](ArrowArray* self) {
      ++static_cast<Texts*>(self->private_data)->released;
      self->release = nullptr;
    };
    return whole;
  }
};

class Producer final : public arrow::Producer {
 public:
  explicit Producer(std::vector<Texts*> batches) : batches_(std::move(batches)) {}

  void schema(ArrowSchema& out) override {
    static ArrowSchema column{};
    static std::array<ArrowSchema*, 1> columns{&column};
    column.format = "u";
    out.format = "+s";
    out.n_children = 1;
    out.children = columns.data();
    out.release = [](ArrowSchema* self) { self->release = nullptr; };
  }
  void next(ArrowArray& out) override {
    if (next_ < batches_.size()) out = batches_[next_++]->array();
  }

 private:
  std::vector<Texts*> batches_;
  std::size_t next_ = 0;
};

arrow::Stream stream_of(std::vector<Texts*> batches) {
  return arrow::stream_of(std::make_unique<Producer>(std::move(batches)));
}

ArrowArray pull(arrow::Stream& stream) {
  ArrowArray batch{};
  REQUIRE(stream.get()->get_next(stream.get(), &batch) == 0);
  return batch;
}

std::vector<std::string> texts_in(const ArrowArray& column) {
  const auto* offsets = static_cast<const std::int32_t*>(column.buffers[1]);
  const auto* bytes = static_cast<const char*>(column.buffers[2]);
  std::vector<std::string> texts;
  for (std::int64_t row = column.offset; row < column.offset + column.length; ++row) {
    texts.emplace_back(bytes + offsets[row], bytes + offsets[row + 1]);
  }
  return texts;
}

std::vector<std::vector<std::string>> drained(arrow::Stream stream) {
  std::vector<std::vector<std::string>> batches;
  for (;;) {
    ArrowArray batch = pull(stream);
    if (batch.release == nullptr) return batches;
    CHECK(batch.length == batch.children[0]->length);
    batches.push_back(texts_in(*batch.children[0]));
    batch.release(&batch);
  }
}

using Batches = std::vector<std::vector<std::string>>;

}  // namespace

TEST_CASE("batches hold every row once, in order, and no more bytes than asked for") {
  Texts first({"aaaa", "bbbb", "cccc", "dddd", "eeee"}), empty({}), second({"f"});
  CHECK(drained(in_batches(stream_of({&first, &empty, &second}), 8)) ==
        Batches{{"aaaa", "bbbb"}, {"cccc", "dddd"}, {"eeee"}, {"f"}});
  CHECK(first.released == 1);
  CHECK(empty.released == 1);
}

TEST_CASE("a row that is longer than a batch comes alone") {
  Texts long_rows({std::string(1000, 'x'), std::string(1000, 'y')});
  CHECK(drained(in_batches(stream_of({&long_rows}), 10)).size() == 2);
}

TEST_CASE("what batches are cut from lives as long as one of their columns") {
  Texts whole({"aaaa", "bbbb"});
  ArrowArray first{}, second{}, column{};
  {
    arrow::Stream stream = in_batches(stream_of({&whole}), 4);
    first = pull(stream);
    second = pull(stream);
  }
  column = *second.children[0];  // Moved out, as a consumer may.
  second.children[0]->release = nullptr;
  second.release(&second);
  first.release(&first);
  CHECK(whole.released == 0);
  CHECK(texts_in(column) == std::vector<std::string>{"bbbb"});
  column.release(&column);
  CHECK(whole.released == 1);
}
