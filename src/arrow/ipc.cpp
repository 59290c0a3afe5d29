#include "arrow/ipc.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <nanoarrow/nanoarrow_ipc.h>

#include "arrow/owned.h"
#include "arrow/producer.h"
#include "base/error.h"

namespace millrace::arrow {
namespace {

[[noreturn]] void bad_answer(const std::string& what) {
  throw Error(Fault::Unavailable, "bad_answer", "reading the warehouse's rows: " + what,
              "Try again; if it stays so, tell us which warehouse it is");
}

void require(ArrowErrorCode code, std::string_view what) {
  if (code != NANOARROW_OK) bad_answer(fmt::format("{} failed: {}", what, std::strerror(code)));
}

/// Formats whose values lie in memory alike have the same.
std::string_view layout_of(std::string_view format) {
  if (format.starts_with("ts") || format == "tdm") return "l";
  if (format == "z") return "u";
  return format;
}

/// The bytes of one chunk, as nanoarrow reads them.
struct IpcBytes {
  std::string bytes;
  std::size_t at = 0;
};

ArrowErrorCode read_bytes(ArrowIpcInputStream* self, std::uint8_t* into, std::int64_t size,
                          std::int64_t* done, ArrowError*) noexcept {
  auto& from = *static_cast<IpcBytes*>(self->private_data);
  const std::size_t some = std::min(static_cast<std::size_t>(size), from.bytes.size() - from.at);
  std::memcpy(into, from.bytes.data() + from.at, some);
  from.at += some;
  *done = static_cast<std::int64_t>(some);
  return NANOARROW_OK;
}

Stream batches_of(std::string bytes) {
  ArrowIpcInputStream input{};
  input.private_data = new IpcBytes{std::move(bytes)};
  input.read = read_bytes;
  input.release = [](ArrowIpcInputStream* self) {
    delete static_cast<IpcBytes*>(self->private_data);
    self->release = nullptr;
  };
  ArrowArrayStream stream{};
  require(ArrowIpcArrayStreamReaderInit(&stream, &input, nullptr), "opening an Arrow stream");
  return Stream(stream);
}

class IpcRows final : public Producer {
 public:
  IpcRows(std::vector<IpcColumn> columns, NextIpcChunk next)
      : columns_(std::move(columns)), next_(std::move(next)) {}

  void schema(ArrowSchema& out) override {
    ArrowSchemaInit(&out);
    require(ArrowSchemaSetTypeStruct(&out, static_cast<std::int64_t>(columns_.size())), "a schema");
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      require(ArrowSchemaSetFormat(out.children[i], columns_[i].format.c_str()), "a schema");
      require(ArrowSchemaSetName(out.children[i], columns_[i].name.c_str()), "a schema");
    }
  }

  void next(ArrowArray& out) override {
    for (;;) {
      if (!batches_ && !open_next()) return;
      ArrowArray batch{};
      if (const int code = batches_.get()->get_next(batches_.get(), &batch)) fail(code);
      if (batch.release == nullptr) {
        close();
      } else if (batch.length == 0) {
        batch.release(&batch);
      } else {
        rows_ += batch.length;
        for (const std::size_t i : without_values_) fill_with_nulls(i, *batch.children[i]);
        out = batch;
        return;
      }
    }
  }

 private:
  bool open_next() {
    auto chunk = next_();
    if (!chunk) return false;
    promised_ = chunk->rows;
    rows_ = 0;
    batches_ = batches_of(std::move(chunk->bytes));
    Owned<ArrowSchema> schema;
    if (const int code = batches_.get()->get_schema(batches_.get(), &*schema)) fail(code);
    look_at(*schema);
    return true;
  }

  void look_at(const ArrowSchema& schema) {
    if (schema.n_children != static_cast<std::int64_t>(columns_.size())) {
      bad_answer(
          fmt::format("it sent {} columns, {} were asked for", schema.n_children, columns_.size()));
    }
    without_values_.clear();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string_view came = schema.children[i]->format;
      if (came == "n") {
        without_values_.push_back(i);
      } else if (layout_of(came) != layout_of(columns_[i].format) ||
                 schema.children[i]->dictionary != nullptr) {
        bad_answer(fmt::format("column {} arrived as Arrow type \"{}\", where \"{}\" was expected",
                               columns_[i].name, came, columns_[i].format));
      }
    }
  }

  void fill_with_nulls(std::size_t place, ArrowArray& column) const {
    Owned<ArrowSchema> schema;
    Owned<ArrowArray> nulls;
    ArrowSchemaInit(&*schema);
    require(ArrowSchemaSetFormat(&*schema, columns_[place].format.c_str()), "a column of nulls");
    require(ArrowArrayInitFromSchema(&*nulls, &*schema, nullptr), "a column of nulls");
    require(ArrowArrayStartAppending(&*nulls), "a column of nulls");
    require(ArrowArrayAppendNull(&*nulls, column.length), "a column of nulls");
    require(ArrowArrayFinishBuildingDefault(&*nulls, nullptr), "a column of nulls");
    column.release(&column);
    column = nulls.give();
  }

  [[noreturn]] void fail(int code) {
    const char* words = batches_.get()->get_last_error(batches_.get());
    bad_answer(words != nullptr && *words != '\0' ? words : std::strerror(code));
  }

  /// A chunk that was cut off between two batches looks whole to its reader.
  void close() {
    batches_ = {};
    if (rows_ != promised_) {
      bad_answer(fmt::format("{} rows came, {} were announced", rows_, promised_));
    }
  }

  const std::vector<IpcColumn> columns_;
  const NextIpcChunk next_;
  Stream batches_;
  std::vector<std::size_t> without_values_;  ///< Columns that this chunk sends as Arrow's nulls.
  std::int64_t rows_ = 0, promised_ = 0;
};

}  // namespace

Stream ipc_rows(std::vector<IpcColumn> columns, NextIpcChunk next) {
  return stream_of(std::make_unique<IpcRows>(std::move(columns), std::move(next)));
}

}  // namespace millrace::arrow
