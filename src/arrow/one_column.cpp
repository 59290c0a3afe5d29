#include "arrow/one_column.h"

#include <list>
#include <memory>
#include <utility>

#include "arrow/owned.h"
#include "arrow/producer.h"

namespace millrace::arrow {
namespace {

template <class C>
void leave(C* self) {
  self->release = nullptr;
}

/// Headers of ours around those of `inner`. Its children are copied, not changed: who made them
/// frees what they point to.
struct WholeSchema {
  Owned<ArrowSchema> inner;
  std::vector<std::string> names;
  std::vector<ArrowSchema> fields;
  std::vector<ArrowSchema*> pointers;
  ArrowSchema record{};
  ArrowSchema* column = &record;

  void wrap(ArrowSchema& out) {
    const auto count = static_cast<std::size_t>(inner->n_children);
    for (std::size_t i = 0; i < count; ++i) fields.push_back(*inner->children[i]);
    ArrowSchema end{};
    end.format = "n";
    end.flags = ARROW_FLAG_NULLABLE;
    fields.push_back(end);
    for (std::size_t i = 0; i < fields.size(); ++i) names.push_back(field_name(i));
    for (std::size_t i = 0; i < fields.size(); ++i) {
      fields[i].name = names[i].c_str();
      fields[i].release = leave<ArrowSchema>;
      pointers.push_back(&fields[i]);
    }
    record.format = "+s";
    record.name = kOneColumn;
    record.n_children = static_cast<std::int64_t>(pointers.size());
    record.children = pointers.data();
    record.release = leave<ArrowSchema>;
    out = {};
    out.format = "+s";
    out.name = "";
    out.n_children = 1;
    out.children = &column;
  }
};

struct WholeArray {
  Owned<ArrowArray> inner;
  std::vector<ArrowArray*> pointers;
  ArrowArray end{}, record{};
  ArrowArray* column = &record;
  const void* all_valid = nullptr;

  void wrap(ArrowArray& out) {
    end.length = inner->offset + inner->length;
    end.null_count = end.length;
    end.release = leave<ArrowArray>;
    pointers.assign(inner->children, inner->children + inner->n_children);
    pointers.push_back(&end);
    record = *inner;
    record.null_count = 0;
    record.n_buffers = 1;
    record.buffers = &all_valid;
    record.n_children = static_cast<std::int64_t>(pointers.size());
    record.children = pointers.data();
    record.private_data = nullptr;
    record.release = leave<ArrowArray>;
    out = {};
    out.length = inner->length;
    out.n_buffers = 1;
    out.buffers = &all_valid;
    out.n_children = 1;
    out.children = &column;
  }
};

/// Releases the root of an array all of whose parts live in one WholeArray: the consumer, an
/// engine's scan, takes no part out of it.
void release_whole(ArrowArray* self) {
  delete static_cast<WholeArray*>(self->private_data);
  self->release = nullptr;
}

class OneColumn final : public Producer {
 public:
  explicit OneColumn(Stream inner) : inner_(std::move(inner)) {}

  void schema(ArrowSchema& out) override {
    WholeSchema& whole = schemas_.emplace_back();
    require(inner_.get()->get_schema(inner_.get(), &*whole.inner));
    whole.wrap(out);
    out.release = leave<ArrowSchema>;
  }

  void next(ArrowArray& out) override {
    auto whole = std::make_unique<WholeArray>();
    require(inner_.get()->get_next(inner_.get(), &*whole->inner));
    if (whole->inner->release == nullptr) return;
    whole->wrap(out);
    out.private_data = whole.release();
    out.release = release_whole;
  }

 private:
  void require(int code) {
    if (code != 0) throw failure_of(inner_, code);
  }

  Stream inner_;
  /// What was handed out: DuckDB's scan releases no schema (1.5.5), and is gone before the stream.
  std::list<WholeSchema> schemas_;
};

}  // namespace

std::string field_name(std::size_t place) { return "_" + std::to_string(place); }

std::vector<std::string> column_names(Stream& stream) {
  Owned<ArrowSchema> schema;
  if (const int code = stream.get()->get_schema(stream.get(), &*schema); code != 0) {
    throw failure_of(stream, code);
  }
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < schema->n_children; ++i) {
    const char* name = schema->children[i]->name;
    names.emplace_back(name == nullptr ? "" : name);
  }
  return names;
}

Stream in_one_column(Stream inner) {
  return stream_of(std::make_unique<OneColumn>(std::move(inner)));
}

}  // namespace millrace::arrow
