#include "arrow/ipc.h"

#include <doctest/doctest.h>
#include <nanoarrow/nanoarrow_ipc.h>

#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "arrow/producer.h"
#include "base/error.h"

using namespace millrace;
using arrow::IpcChunk;
using arrow::IpcColumn;

namespace {

/// A column as the sender has it: its Arrow format, and its values as numbers or texts.
struct Sent {
  const char* format;
  std::vector<std::int64_t> numbers;
  std::vector<std::string> texts = {};
};

void append(ArrowArray& column, const Sent& sent) {
  REQUIRE(ArrowArrayStartAppending(&column) == NANOARROW_OK);
  for (const std::int64_t number : sent.numbers) {
    if (*sent.format == 'n') {
      REQUIRE(ArrowArrayAppendNull(&column, 1) == NANOARROW_OK);
    } else {
      REQUIRE(ArrowArrayAppendInt(&column, number) == NANOARROW_OK);
    }
  }
  for (const std::string& text : sent.texts) {
    const ArrowStringView view{text.data(), static_cast<std::int64_t>(text.size())};
    REQUIRE(ArrowArrayAppendString(&column, view) == NANOARROW_OK);
  }
  REQUIRE(ArrowArrayFinishBuildingDefault(&column, nullptr) == NANOARROW_OK);
}

/// These columns in one batch, as an Arrow IPC stream.
std::string written(const std::vector<Sent>& columns) {
  ArrowSchema schema{};
  ArrowSchemaInit(&schema);
  const auto count = static_cast<std::int64_t>(columns.size());
  REQUIRE(ArrowSchemaSetTypeStruct(&schema, count) == NANOARROW_OK);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    REQUIRE(ArrowSchemaSetFormat(schema.children[i], columns[i].format) == NANOARROW_OK);
    REQUIRE(ArrowSchemaSetName(schema.children[i], "sent") == NANOARROW_OK);
  }
  ArrowArray batch{};
  REQUIRE(ArrowArrayInitFromSchema(&batch, &schema, nullptr) == NANOARROW_OK);
  for (std::size_t i = 0; i < columns.size(); ++i) append(*batch.children[i], columns[i]);
  batch.length = batch.children[0]->length;
  REQUIRE(ArrowArrayFinishBuildingDefault(&batch, nullptr) == NANOARROW_OK);
  ArrowArrayStream stream{};
  REQUIRE(ArrowBasicArrayStreamInit(&stream, &schema, 1) == NANOARROW_OK);
  ArrowBasicArrayStreamSetArray(&stream, 0, &batch);
  ArrowBuffer bytes{};
  ArrowBufferInit(&bytes);
  ArrowIpcOutputStream output{};
  REQUIRE(ArrowIpcOutputStreamInitBuffer(&output, &bytes) == NANOARROW_OK);
  ArrowIpcWriter writer{};
  REQUIRE(ArrowIpcWriterInit(&writer, &output) == NANOARROW_OK);
  REQUIRE(ArrowIpcWriterWriteArrayStream(&writer, &stream, nullptr) == NANOARROW_OK);
  ArrowIpcWriterReset(&writer);
  stream.release(&stream);
  std::string text(reinterpret_cast<const char*>(bytes.data),
                   static_cast<std::size_t>(bytes.size_bytes));
  ArrowBufferReset(&bytes);
  return text;
}

arrow::Stream rows_of(std::vector<IpcColumn> columns, std::deque<IpcChunk> chunks) {
  return arrow::ipc_rows(std::move(columns),
                         [chunks = std::move(chunks)]() mutable -> std::optional<IpcChunk> {
                           if (chunks.empty()) return {};
                           IpcChunk chunk = std::move(chunks.front());
                           chunks.pop_front();
                           return chunk;
                         });
}

/// Every batch's first column; throws what the stream failed with.
struct Read {
  std::vector<std::int64_t> numbers;
  std::int64_t rows = 0, nulls = 0;
};

Read read_all(arrow::Stream stream) {
  Read read;
  for (;;) {
    ArrowArray batch{};
    if (const int code = stream.get()->get_next(stream.get(), &batch)) {
      throw arrow::failure_of(stream, code);
    }
    if (batch.release == nullptr) return read;
    read.rows += batch.length;
    const ArrowArray& column = *batch.children[0];
    read.nulls += column.null_count;
    const auto* values = static_cast<const std::int64_t*>(column.buffers[1]);
    read.numbers.insert(read.numbers.end(), values, values + column.length);
    batch.release(&batch);
  }
}

std::string failure(std::vector<IpcColumn> columns, std::deque<IpcChunk> chunks) {
  try {
    read_all(rows_of(std::move(columns), std::move(chunks)));
  } catch (const Error& error) {
    CHECK(error.fault == Fault::Unavailable);
    CHECK(error.code == "bad_answer");
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("chunks are one stream, and integers what their column is called") {
  arrow::Stream stream = rows_of(
      {{"ts", "tsu:UTC"}},
      {{written({{"l", {1, 2}}}), 2}, {written({{"l", {}}}), 0}, {written({{"l", {3}}}), 1}});
  ArrowSchema schema{};
  REQUIRE(stream.get()->get_schema(stream.get(), &schema) == 0);
  CHECK(std::string(schema.children[0]->format) == "tsu:UTC");
  CHECK(std::string(schema.children[0]->name) == "ts");
  schema.release(&schema);
  const Read read = read_all(std::move(stream));
  CHECK(read.rows == 3);
  CHECK(read.numbers == std::vector<std::int64_t>{1, 2, 3});
}

TEST_CASE("a chunk without any value of a column is one of nulls") {
  const Read read =
      read_all(rows_of({{"n", "l"}}, {{written({{"n", {0, 0}}}), 2}, {written({{"l", {7}}}), 1}}));
  CHECK(read.rows == 3);
  CHECK(read.nulls == 2);
  CHECK(read.numbers.back() == 7);
}

TEST_CASE("what does not fit its column is refused, and the column named") {
  const std::string text = written({{"u", {}, {"a"}}});
  CHECK(failure({{"n", "l"}}, {{text, 1}}).find("column n arrived as Arrow type \"u\"") !=
        std::string::npos);
  CHECK(failure({{"d", "g"}}, {{written({{"l", {1}}}), 1}}).find("column d") != std::string::npos);
  CHECK(failure({{"a", "u"}, {"b", "u"}}, {{text, 1}}).find("1 columns, 2 were asked for") !=
        std::string::npos);
  CHECK(failure({{"bytes", "z"}}, {{text, 1}}).empty());
}

TEST_CASE("rows that are missing, and bytes that are no stream, are failures") {
  const std::string bytes = written({{"l", {1, 2, 3}}});
  CHECK(failure({{"n", "l"}}, {{bytes, 4}}).find("3 rows came, 4 were announced") !=
        std::string::npos);
  CHECK(failure({{"n", "l"}}, {{"", 1}}) != "");
  CHECK(failure({{"n", "l"}}, {{"<Error>AccessDenied</Error>", 1}}) != "");
  constexpr std::size_t kEndMark = 8;  // Without it nothing lacks.
  for (std::size_t size = 0; size + kEndMark < bytes.size(); size += 8) {
    CHECK(failure({{"n", "l"}}, {{bytes.substr(0, size), 3}}) != "");
  }
}
