#include <duckdb.h>
#include <fmt/format.h>

#include <memory>
#include <utility>
#include <vector>

#include "arrow/producer.h"
#include "base/error.h"
#include "engine/result.h"

namespace millrace::engine {
namespace {

/// Throws where the engine could not convert; the data is destroyed either way.
void require(duckdb_error_data problem) {
  const bool failed = duckdb_error_data_has_error(problem);
  const std::string words = failed ? duckdb_error_data_message(problem) : "";
  duckdb_destroy_error_data(&problem);
  if (!failed) return;
  throw Error(Fault::Unavailable, "engine_failed",
              fmt::format("the engine could not hand rows over: {}", words));
}

class ArrowOptions {
 public:
  explicit ArrowOptions(duckdb_result* result)
      : options_(duckdb_result_get_arrow_options(result)) {}
  ~ArrowOptions() { duckdb_destroy_arrow_options(&options_); }
  ArrowOptions(const ArrowOptions&) = delete;
  ArrowOptions& operator=(const ArrowOptions&) = delete;
  duckdb_arrow_options get() const { return options_; }

 private:
  duckdb_arrow_options options_;
};

class ResultRows final : public arrow::Producer {
 public:
  ResultRows(duckdb_connection connection, const std::string& sql, std::stop_token stop)
      : result_(connection, sql, std::move(stop)), options_(result_.raw()) {}

  void schema(ArrowSchema& out) override {
    const std::vector<std::string> names = result_.names();
    std::vector<const char*> texts;
    std::vector<duckdb_logical_type> types;
    for (const std::string& name : names) {
      types.push_back(duckdb_column_logical_type(result_.raw(), texts.size()));
      texts.push_back(name.c_str());
    }
    duckdb_error_data problem =
        duckdb_to_arrow_schema(options_.get(), types.data(), texts.data(), names.size(), &out);
    for (duckdb_logical_type& type : types) duckdb_destroy_logical_type(&type);
    require(problem);
  }

  void next(ArrowArray& out) override {
    duckdb_data_chunk chunk = result_.next();
    if (chunk == nullptr) return;
    duckdb_error_data problem = duckdb_data_chunk_to_arrow(options_.get(), chunk, &out);
    duckdb_destroy_data_chunk(&chunk);
    require(problem);
  }

 private:
  Result result_;
  ArrowOptions options_;
};

}  // namespace

arrow::Stream result_stream(duckdb_connection connection, const std::string& sql,
                            std::stop_token stop) {
  return arrow::stream_of(std::make_unique<ResultRows>(connection, sql, std::move(stop)));
}

}  // namespace millrace::engine
