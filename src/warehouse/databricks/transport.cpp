#include "warehouse/databricks/transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "arrow/ipc.h"
#include "base/error.h"
#include "base/letters.h"
#include "warehouse/databricks/kind.h"
#include "warehouse/text_rows.h"

namespace millrace::warehouse::databricks {
namespace {

/// Of one chunk; the server makes them much smaller.
constexpr std::size_t kChunkMost = 512 << 20;
constexpr int kRunningMost = 1000;

/// shared: with the stream of the last read, which may outlive its session, and with twins.
using SharedApi = std::shared_ptr<StatementApi>;

/// What a column of Databricks' type holds: of "decimal(10,2)", "array<int>", in any case.
ColumnType column_type(std::string_view type_text) {
  struct Names {
    ColumnType type;
    std::string_view words;  ///< With a "," at each side.
  };
  using enum ColumnType;
  static constexpr Names kNames[] = {
      {Boolean, ",boolean,"},
      {Integer, ",tinyint,byte,smallint,short,int,integer,bigint,long,"},
      {Double, ",float,double,"},
      {Decimal, ",decimal,"},
      {Text, ",string,varchar,char,"},
      {Date, ",date,"},
      {TimestampTz, ",timestamp,timestamp with time zone,"},
      {Timestamp, ",timestamp_ntz,"},
      {Binary, ",binary,"},
      {Json, ",variant,struct,array,map,"},
  };
  const std::string text = lower_case(type_text);
  const std::string word = "," + text.substr(0, text.find_first_of("(<")) + ",";
  for (const Names& names : kNames) {
    if (names.words.find(word) != std::string_view::npos) return names.type;
  }
  return Other;
}

/// Columns and their types, as the manifest of an answer tells them.
std::vector<Column> columns_in(const json::Value& answer) {
  std::vector<Column> columns;
  for (const json::Value& one : answer.at("manifest").at("schema").at("columns")) {
    const std::string type = one.at("type_text").get<std::string>();
    columns.push_back({one.at("name").get<std::string>(), column_type(type), type});
  }
  return columns;
}

/// Where what follows this part of a result is asked for; empty behind the last one.
std::string next_in(const json::Value& part) {
  const auto more = part.find("next_chunk_internal_link");
  return more != part.end() && more->is_string() ? more->get<std::string>() : std::string();
}

/// The chunks of one statement's rows, each fetched when the one before is used up.
class Chunks {
 public:
  Chunks(SharedApi api, json::Value answer, std::stop_token stop)
      : api_(std::move(api)), stop_(std::move(stop)) {
    const json::Value manifest = answer.value("manifest", json::Value::object());
    if (manifest.value("truncated", false)) {
      throw Error(Fault::BadData, "too_large",
                  "the warehouse cut the result off at its limit for one statement",
                  "Load fewer days at once, or fewer columns");
    }
    rows_ = manifest.value("total_row_count", std::int64_t{0});
    statement_ = answer.value("statement_id", std::string());
    const auto result = answer.find("result");
    if (result != answer.end()) link_ = link_in(*result);
  }

  std::optional<arrow::IpcChunk> next() {
    if (link_.is_null()) {
      if (rows_ == 0) return {};
      throw Error(Fault::Unavailable, "rows_missing",
                  fmt::format("the warehouse announced {} rows more than it sent", rows_),
                  "Load the day again");
    }
    arrow::IpcChunk chunk;
    chunk.rows = link_.at("row_count").get<std::int64_t>();
    chunk.bytes = bytes_of(link_);
    rows_ -= chunk.rows;
    const std::string more = next_in(link_);
    link_ = more.empty() ? json::Value() : link_in(api_->get(more, stop_));
    return chunk;
  }

 private:
  static json::Value link_in(const json::Value& result) {
    const auto links = result.find("external_links");
    const bool is_there = links != result.end() && links->is_array() && !links->empty();
    return is_there ? links->front() : json::Value();
  }

  std::string bytes_of(const json::Value& link) {
    const auto fetched = [this](const json::Value& from) {
      return api_->download(from.at("external_link").get<std::string>(), kChunkMost, stop_);
    };
    try {
      return fetched(link);
    } catch (const Error& error) {
      if (error.fault != Fault::Unavailable) throw;
    }
    // Links live for minutes, and a slow reader comes late.
    return fetched(link_in(api_->chunk(statement_, link.at("chunk_index").get<int>(), stop_)));
  }

  SharedApi api_;
  std::stop_token stop_;
  std::string statement_;
  json::Value link_;       ///< Of the next chunk; null after the last one.
  std::int64_t rows_ = 0;  ///< That are still to come.
};

class DatabricksTransport final : public Transport {
 public:
  explicit DatabricksTransport(SharedApi api) : api_(std::move(api)) {}

  ProbeReport probe(std::stop_token stop) override {
    ProbeReport report;
    const auto step = [&](const char* name, const auto& answer) {
      try {
        report.steps.push_back({name, true, answer(), {}});
      } catch (const Error& error) {
        const bool is_far = error.code == "unreachable" || error.code == "unknown_host";
        report.steps.push_back({is_far ? "reach" : name, false, error.what(), error.advice});
      }
      return report.steps.back().ok;
    };
    step("log in", [&] { return warehouse_state(stop); }) &&
        step("run a statement",
             [&] {
               report.server = server(stop).product;
               return report.server + "; every query runs inside a SELECT of Millrace";
             }) &&
        step("list tables", [&] { return tables_seen(stop); });
    return report;
  }

  std::vector<Column> describe(const Statement& statement, std::stop_token stop) override {
    return columns_in(
        api_->run({statement.sql + " limit 0", statement.customers}, RowFormat::Texts, stop));
  }

  void each(const Statement& statement, const OnRow& row, std::stop_token stop) override {
    json::Value answer = api_->run(statement, RowFormat::Texts, stop);
    json::Value result = answer.value("result", json::Value::object());
    for (;;) {
      for (const json::Value& cells : result.value("data_array", json::Value::array())) {
        give(cells, row);
      }
      const std::string more = next_in(result);
      if (more.empty()) return;
      result = api_->get(more, stop);
    }
  }

  arrow::Stream stream(const Statement& statement, const std::vector<Column>& columns,
                       std::stop_token stop) override {
    std::vector<arrow::IpcColumn> formats;
    for (const Column& column : columns) {
      // Dates come as milliseconds: see Dialect::delivered.
      const bool is_date = column.type == ColumnType::Date;
      formats.push_back({column.name, is_date ? "tdm" : arrow_format(column.type)});
    }
    Chunks chunks(api_, api_->run(statement, RowFormat::Arrow, stop), stop);
    return arrow::ipc_rows(std::move(formats),
                           [chunks = std::move(chunks)]() mutable { return chunks.next(); });
  }

  /// Statements do not share a session, let alone a snapshot.
  bool snapshot(std::stop_token) override { return false; }

  std::unique_ptr<Transport> twin(std::stop_token) override {
    return std::make_unique<DatabricksTransport>(api_);
  }

  std::vector<std::string> running(const std::string& comment, std::stop_token stop) override {
    const json::Value answer = api_->get(
        fmt::format("/api/2.0/sql/history/queries?max_results={}&filter_by.warehouse_ids={}"
                    "&filter_by.statuses=RUNNING&filter_by.statuses=QUEUED",
                    kRunningMost, url_escaped(api_->login().warehouse_id)),
        stop);
    std::vector<std::string> ids;
    for (const json::Value& query : answer.value("res", json::Value::array())) {
      if (query.value("query_text", std::string()).find(comment) == std::string::npos) continue;
      ids.push_back(query.at("query_id").get<std::string>());
    }
    return ids;
  }

  void cancel(const std::string& query_id) override { api_->cancel(query_id); }

  ServerVersion server(std::stop_token stop) override {
    if (!server_.product.empty()) return server_;
    each(
        {"select current_version().dbsql_version", {}},
        [&](const engine::Row& row) {
          server_.product = "Databricks SQL " + std::string(row.at(0).value_or(""));
        },
        stop);
    return server_;
  }

 private:
  /// A cell is a text; servers that speak like Databricks send numbers as numbers.
  static void give(const json::Value& cells, const OnRow& row) {
    std::vector<std::string> texts;
    for (const json::Value& cell : cells) {
      texts.push_back(cell.is_string() ? cell.get<std::string>() : cell.dump());
    }
    engine::Row views;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      views.push_back(cells[i].is_null() ? engine::Cell() : engine::Cell(texts[i]));
    }
    row(views);
  }

  std::string warehouse_state(std::stop_token stop) {
    const json::Value it =
        api_->get("/api/2.0/sql/warehouses/" + url_escaped(api_->login().warehouse_id), stop);
    return fmt::format("{}: SQL warehouse {} is {}", api_->login().address,
                       it.value("name", std::string()), it.value("state", std::string()));
  }

  std::string tables_seen(std::stop_token stop) {
    std::string count = "0";
    each(
        {fmt::format("select count(*) from ({}) as t", kDialect.tables("true")), {}},
        [&](const engine::Row& row) { count = row.at(0).value_or("0"); }, stop);
    if (count == "0") {
      throw Error(Fault::Misconfigured, "no_permission", "the token's owner may read no table",
                  "GRANT USE CATALOG, USE SCHEMA and SELECT to the token's owner, and set catalog");
    }
    return count == "1" ? "1 table or view" : count + " tables and views";
  }

  SharedApi api_;
  ServerVersion server_;
};

}  // namespace

std::unique_ptr<Transport> make_transport(Login login) {
  return std::make_unique<DatabricksTransport>(std::make_shared<StatementApi>(std::move(login)));
}

}  // namespace millrace::warehouse::databricks
