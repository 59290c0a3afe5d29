#include "arrow/batches.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "arrow/producer.h"
#include "arrow/size.h"

namespace millrace::arrow {
namespace {

/// An array whose buffers several batches use; released with the last of them.
class Whole {
 public:
  explicit Whole(ArrowArray array) : array_(array) {}
  ~Whole() {
    if (array_.release != nullptr) array_.release(&array_);
  }
  Whole(const Whole&) = delete;
  Whole& operator=(const Whole&) = delete;
  const ArrowArray& get() const { return array_; }

 private:
  ArrowArray array_;
};

// shared: immutable, and let go by whichever consumer is last.
using Share = std::shared_ptr<const Whole>;

/// A batch's own headers; the buffers behind them are the whole's.
struct Cut {
  std::vector<ArrowArray> columns;
  std::vector<ArrowArray*> pointers;
};

void release_column(ArrowArray* self) {
  delete static_cast<Share*>(self->private_data);
  self->release = nullptr;
}

void release_batch(ArrowArray* self) {
  auto* own = static_cast<Cut*>(self->private_data);
  for (ArrowArray& column : own->columns) {
    if (column.release != nullptr) column.release(&column);
  }
  delete own;
  self->release = nullptr;
}

/// Each column has a share of its own: a consumer may take it out of the batch and keep it.
ArrowArray cut(const Share& whole, std::int64_t first, std::int64_t rows) {
  const ArrowArray& from = whole->get();
  auto own = std::make_unique<Cut>();
  own->columns.resize(static_cast<std::size_t>(from.n_children));
  for (std::size_t i = 0; i < own->columns.size(); ++i) {
    ArrowArray& column = own->columns[i] = *from.children[i];
    column.offset += first;
    column.length = rows;
    column.null_count = -1;
    column.private_data = new Share(whole);
    column.release = release_column;
    own->pointers.push_back(&column);
  }
  ArrowArray batch = from;
  batch.length = rows;
  batch.null_count = -1;
  batch.children = own->pointers.data();
  batch.private_data = own.release();
  batch.release = release_batch;
  return batch;
}

class Batches final : public Producer {
 public:
  Batches(Stream inner, std::int64_t bytes) : inner_(std::move(inner)), bytes_(bytes) {}
  ~Batches() override {
    if (schema_.release != nullptr) schema_.release(&schema_);
  }
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;

  void schema(ArrowSchema& out) override { require(inner_.get()->get_schema(inner_.get(), &out)); }

  void next(ArrowArray& out) override {
    if (at_ == length()) fetch();
    if (!whole_) return;
    const std::int64_t rows = std::min(rows_, length() - at_);
    out = cut(whole_, at_, rows);
    at_ += rows;
    if (at_ == length()) whole_.reset();
  }

 private:
  std::int64_t length() const { return whole_ ? whole_->get().length : at_; }

  /// The next array that has rows, or none.
  void fetch() {
    if (schema_.release == nullptr) schema(schema_);
    do {
      whole_.reset();
      at_ = 0;
      ArrowArray array{};
      require(inner_.get()->get_next(inner_.get(), &array));
      if (array.release == nullptr) return;
      whole_ = std::make_shared<const Whole>(array);
    } while (length() == 0);
    const std::int64_t size = std::max<std::int64_t>(bytes_in(schema_, whole_->get()), 1);
    rows_ = std::max<std::int64_t>(length() * bytes_ / size, 1);
  }

  void require(int code) {
    if (code != 0) throw failure_of(inner_, code);
  }

  Stream inner_;
  const std::int64_t bytes_;
  ArrowSchema schema_{};
  Share whole_;
  std::int64_t at_ = 0;    ///< The first row of it that was not given.
  std::int64_t rows_ = 1;  ///< Of each batch.
};

}  // namespace

Stream in_batches(Stream inner, std::int64_t bytes) {
  return stream_of(std::make_unique<Batches>(std::move(inner), bytes));
}

}  // namespace millrace::arrow
