#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "arrow/c_abi.h"
#include "arrow/stream.h"
#include "pipeline/day_fixture.h"

using namespace millrace;
using namespace millrace::pipeline;
using fixture::Lines;

namespace {

/// One record batch of two text columns, `kind` and `user_id`, as a driver would hand it over that
/// does not look at what a warehouse says is text. Owns its buffers; must outlive the stream.
class TextBatch {
 public:
  TextBatch(const std::vector<std::string>& kinds, const std::vector<std::string>& users)
      : rows_(static_cast<std::int64_t>(kinds.size())) {
    columns_[0].fill(kinds);
    columns_[1].fill(users);
  }

  arrow::Stream stream() {
    ArrowArrayStream stream{};
    stream.get_schema = [](ArrowArrayStream*, ArrowSchema* schema) { return give_schema(schema); };
    stream.get_next = [](ArrowArrayStream* self, ArrowArray* array) {
      return static_cast<TextBatch*>(self->private_data)->give(array);
    };
    stream.get_last_error = [](ArrowArrayStream*) { return ""; };
    stream.release = [](ArrowArrayStream* self) { self->release = nullptr; };
    stream.private_data = this;
    return arrow::Stream(stream);
  }

 private:
  struct TextColumn {
    std::vector<std::int32_t> offsets{0};
    std::string bytes;
    std::array<const void*, 3> buffers{};
    ArrowArray array{};

    void fill(const std::vector<std::string>& texts) {
      for (const std::string& text : texts) {
        bytes += text;
        offsets.push_back(static_cast<std::int32_t>(bytes.size()));
      }
      buffers = {nullptr, offsets.data(), bytes.data()};
    }
  };

  static void release_array(ArrowArray* array) { array->release = nullptr; }

  static void fill_schema(ArrowSchema& schema, const char* format, const char* name) {
    schema = ArrowSchema{};
    schema.format = format;
    schema.name = name;
    schema.flags = 2;  // nullable
    schema.release = [](ArrowSchema* self) { self->release = nullptr; };
  }

  static int give_schema(ArrowSchema* schema) {
    static std::array<ArrowSchema, 2> children;
    static std::array<ArrowSchema*, 2> pointers{&children[0], &children[1]};
    fill_schema(children[0], "u", "kind");
    fill_schema(children[1], "u", "user_id");
    fill_schema(*schema, "+s", "");
    schema->n_children = 2;
    schema->children = pointers.data();
    return 0;
  }

  int give(ArrowArray* array) {
    *array = ArrowArray{};
    if (given_) return 0;
    given_ = true;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      ArrowArray& child = columns_[i].array;
      child = ArrowArray{};
      child.length = rows_;
      child.n_buffers = 3;
      child.buffers = columns_[i].buffers.data();
      child.release = release_array;
      children_[i] = &child;
    }
    array->length = rows_;
    array->n_buffers = 1;
    array->buffers = no_nulls_.data();
    array->n_children = 2;
    array->children = children_.data();
    array->release = release_array;
    return 0;
  }

  std::int64_t rows_;
  std::array<TextColumn, 2> columns_;
  std::array<ArrowArray*, 2> children_{};
  std::array<const void*, 1> no_nulls_{nullptr};
  bool given_ = false;
};

}  // namespace

TEST_CASE("text that is not valid UTF-8 rejects its row and is kept with its bytes spelled out") {
  TextBatch batch({"ok",
                   "b\xFF"
                   "d",
                   "long enough to be stored elsewhere \xC3\x28", "caf\xC3\xA9"},
                  {"u1", "u2", "u3", "u\xFE"});
  fixture::Day day(Dataset::Events);
  day.mapping().event_name = {"kind", false};
  day.mapping().timestamp = "ts";
  day.mapping().ids = {{"userID", "user_id"}};
  engine::Database database = day.open();
  database.scan("rows", batch.stream());
  day.write(database, {"SELECT *, timestamp '2026-11-20 12:00:00' AS ts FROM rows",
                       {{"kind", ColumnType::Text, ""},
                        {"user_id", ColumnType::Text, ""},
                        {"ts", ColumnType::Timestamp, ""}}});
  CHECK(day.rows("event_name, unit_userID") == Lines{"ok|u1"});
  CHECK(day.proof().rejected_by_reason == Reasons{{"bad_text", 3}});
  CHECK(day.rejects("original->>'kind', original->>'user_id'") ==
        Lines{"b\\xFFd|u2", "caf\xC3\xA9|u\\xFE", "long enough to be stored elsewhere \\xC3(|u3"});
}
