#include "store/delta.h"

#include <fstream>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/scratch_folder.h"
#include "store/delta_checkpoint.h"
#include "store/delta_table.h"

using namespace millrace;
using store::DeltaLog;
using store::local_folder;

namespace {

constexpr const char* kApp = "store-1/events";

class FixedEnv final : public Env {
 public:
  Instant time = instant_from_text("2026-11-24T09:30:00.000000Z");
  Instant now() override { return time; }
  void random(std::span<std::uint8_t> bytes) override { real_env().random(bytes); }
  bool wait(std::chrono::milliseconds, std::stop_token) override { return true; }
};

FileEntry file(int day, const std::string& load = "l", std::int64_t rows = 3) {
  return {.path = fmt::format("ingestion=i/day=2026-11-{:02}/{}-0.parquet", day, load),
          .bytes = 100,
          .rows = rows,
          .revision = "r-1",
          .stats = fmt::format(R"({{"numRecords":{},"nullCount":{{"value":0}}}})", rows)};
}

struct Fixture {
  ScratchFolder root;
  FixedEnv env;
  std::unique_ptr<store::Objects> objects = local_folder(root.path());
  DeltaLog log{*objects, "default/events", kApp, env};
  std::vector<store::TableColumn> columns = store::table_columns(Dataset::Events, {"userID"});

  std::vector<nlohmann::json> commit(std::int64_t version) {
    std::vector<nlohmann::json> actions;
    std::istringstream text(objects->get(path(version)).value());
    for (std::string line; std::getline(text, line);) {
      actions.push_back(nlohmann::json::parse(line));
    }
    return actions;
  }
  nlohmann::json action(std::int64_t version, const std::string& name) {
    for (const auto& action : commit(version)) {
      if (action.contains(name)) return action[name];
    }
    return nullptr;
  }
  static std::string path(std::int64_t version) {
    return "default/events/_delta_log/" + store::delta::commit_name(version);
  }
  /// What another writer would put, as the table's next version.
  std::int64_t foreign(const std::string& operation, const std::string& actions) {
    const std::int64_t version = log.read().version + 1;
    REQUIRE(objects->put_if_absent(
        path(version),
        fmt::format("{{\"commitInfo\":{{\"operation\":\"{}\",\"engineInfo\":\"other-1\"}}}}\n{}",
                    operation, actions)));
    return version;
  }
  std::vector<std::string> paths() {
    std::vector<std::string> found;
    for (const auto& [path, entry] : log.read().files) found.push_back(path);
    return found;
  }
  std::string error_of_reading() {
    try {
      log.read();
    } catch (const Error& error) {
      return error.code;
    }
    return "nothing was thrown";
  }
};

}  // namespace

TEST_CASE("the first commit makes a table that a reader of protocol 1 understands") {
  Fixture f;
  CHECK(f.log.read().version == -1);
  const auto outcome = f.log.reconcile({file(20)}, f.columns, 1);
  CHECK(outcome.version == 0);
  CHECK(outcome.added == 1);
  CHECK(f.action(0, "protocol").dump() == R"({"minReaderVersion":1,"minWriterVersion":2})");
  const auto metadata = f.action(0, "metaData");
  CHECK(metadata["partitionColumns"].dump() == R"(["ingestion","day"])");
  CHECK(metadata["configuration"]["delta.deletedFileRetentionDuration"] == "interval 90 days");
  const auto schema = nlohmann::json::parse(metadata["schemaString"].get<std::string>());
  CHECK(schema["fields"][1].dump() ==
        R"({"metadata":{},"name":"day","nullable":true,"type":"date"})");
  const auto add = f.action(0, "add");
  CHECK(add["path"] == "ingestion=i/day=2026-11-20/l-0.parquet");
  CHECK(add["partitionValues"].dump() == R"({"day":"2026-11-20","ingestion":"i"})");
  CHECK(add["size"] == 100);
  CHECK(add["stats"] == R"({"numRecords":3,"nullCount":{"value":0}})");
  CHECK(f.action(0, "txn")["appId"] == kApp);
  CHECK(f.action(0, "txn")["version"] == 1);
}

TEST_CASE("a table without files can be read, with all its columns") {
  Fixture f;
  f.log.reconcile({}, f.columns, 1);
  const auto snapshot = f.log.read();
  CHECK(snapshot.files.empty());
  CHECK(snapshot.columns == std::vector<std::string>{"ingestion", "day", "event_name", "ts",
                                                     "unit_userID", "value", "value_text",
                                                     "metadata", "_load"});
}

TEST_CASE("a commit holds only the difference, and tombstones carry the time") {
  Fixture f;
  f.log.reconcile({file(20), file(21)}, f.columns, 1);
  const auto outcome = f.log.reconcile({file(21), file(20, "again")}, f.columns, 2);
  CHECK(outcome.added == 1);
  CHECK(outcome.removed == 1);
  CHECK(f.commit(1).size() == 4);
  const auto remove = f.action(1, "remove");
  CHECK(remove["path"] == "ingestion=i/day=2026-11-20/l-0.parquet");
  CHECK(remove["deletionTimestamp"] == 1795512600000);
  CHECK(f.action(1, "metaData").is_null());
  CHECK(f.paths() == std::vector<std::string>{"ingestion=i/day=2026-11-20/again-0.parquet",
                                              "ingestion=i/day=2026-11-21/l-0.parquet"});
  CHECK(f.log.read().files.begin()->second.rows == 3);
}

TEST_CASE("a log that says what is wanted is left alone, and a new sequence is still recorded") {
  Fixture f;
  f.log.reconcile({file(20)}, f.columns, 1);
  CHECK(f.log.reconcile({file(20)}, f.columns, 1).version == 0);
  CHECK(f.log.reconcile({file(20)}, f.columns, 2).version == 1);
  CHECK(f.log.read().sequence == 2);
}

TEST_CASE("a committer that was stalled does not bring an old version back") {
  Fixture f;
  f.log.reconcile({file(20, "new")}, f.columns, 7);
  const auto outcome = f.log.reconcile({file(20, "old")}, f.columns, 6);
  CHECK(outcome.version == 0);
  CHECK(outcome.added == 0);
  CHECK(f.paths() == std::vector<std::string>{"ingestion=i/day=2026-11-20/new-0.parquet"});
}

TEST_CASE("committers that race end with the highest sequence and one file a day") {
  Fixture f;
  {
    std::vector<std::jthread> threads;
    for (int i = 1; i <= 6; ++i) {
      threads.emplace_back([&, i] {
        DeltaLog log(*f.objects, "default/events", kApp, f.env);
        log.reconcile({file(20, "load" + std::to_string(i))}, f.columns, i);
      });
    }
  }
  CHECK(f.paths() == std::vector<std::string>{"ingestion=i/day=2026-11-20/load6-0.parquet"});
  CHECK(f.log.read().sequence == 6);
}

TEST_CASE("a new unit type is a new column, and no committer takes one away") {
  Fixture f;
  f.log.reconcile({file(20)}, f.columns, 1);
  f.log.reconcile({file(20)}, store::table_columns(Dataset::Events, {"userID", "stableID"}), 2);
  CHECK(f.log.read().columns.back() == "unit_stableID");
  CHECK(f.action(1, "metaData")["id"] == f.action(0, "metaData")["id"]);
  f.log.reconcile({file(20)}, f.columns, 3);
  CHECK(f.log.read().columns.back() == "unit_stableID");
  CHECK(f.action(2, "metaData").is_null());
}

TEST_CASE("another writer's commits are told once and undone") {
  Fixture f;
  f.log.reconcile({file(20), file(21)}, f.columns, 1);
  const std::string remove = R"({"path":"ingestion=i/day=2026-11-20/l-0.parquet",)"
                             R"("deletionTimestamp":5,"dataChange":false})";
  const std::string add = R"({"path":"ingestion=i/day=2026-11-20/part%200.parquet",)"
                          R"("partitionValues":{"day":"2026-11-20","ingestion":null},)"
                          R"("size":9,"modificationTime":5,"dataChange":false})";
  f.foreign("OPTIMIZE", "{\"remove\":" + remove + "}\n{\"add\":" + add + "}");
  const auto outcome = f.log.reconcile({file(20), file(21)}, f.columns, 1);
  CHECK(outcome.foreign == std::vector<std::string>{"version 1: OPTIMIZE by other-1"});
  CHECK(outcome.added == 1);
  CHECK(outcome.removed == 1);
  CHECK(f.action(2, "remove")["path"] == "ingestion=i/day=2026-11-20/part%200.parquet");
  CHECK(f.paths() == std::vector<std::string>{"ingestion=i/day=2026-11-20/l-0.parquet",
                                              "ingestion=i/day=2026-11-21/l-0.parquet"});
  CHECK(f.log.reconcile({file(20), file(21)}, f.columns, 1).foreign.empty());
}

TEST_CASE("another writer's commit without any effect is told once, too") {
  Fixture f;
  f.log.reconcile({file(20)}, f.columns, 1);
  f.foreign("VACUUM START", "");
  f.foreign("VACUUM END", "");
  CHECK(f.log.read().foreign.size() == 2);
  CHECK(f.log.reconcile({file(20)}, f.columns, 1).foreign ==
        std::vector<std::string>{"version 1: VACUUM START by other-1",
                                 "version 2: VACUUM END by other-1"});
  CHECK(f.log.read().foreign.empty());
  CHECK(f.log.reconcile({file(20)}, f.columns, 1).version == 3);
}

TEST_CASE("whether the newest commit is ours tells if anybody else has written") {
  Fixture f;
  CHECK(f.log.newest_is_ours() == std::nullopt);
  f.log.reconcile({file(20)}, f.columns, 1);
  CHECK(f.log.newest_is_ours() == true);
  f.foreign("VACUUM START", "");
  CHECK(f.log.newest_is_ours() == false);
  f.log.reconcile({file(20)}, f.columns, 1);
  CHECK(f.log.newest_is_ours() == true);
}

TEST_CASE("another writer's schema and configuration are put right") {
  Fixture f;
  f.log.reconcile({file(20)}, f.columns, 1);
  auto metadata = f.action(0, "metaData");
  auto schema = nlohmann::json::parse(metadata["schemaString"].get<std::string>());
  schema["fields"].push_back(
      {{"name", "extra"}, {"type", "long"}, {"nullable", true}, {"metadata", {}}});
  metadata["schemaString"] = schema.dump();
  metadata["configuration"] = {{"delta.appendOnly", "true"}, {"delta.logRetentionDuration", "x"}};
  f.foreign("SET TBLPROPERTIES", nlohmann::json{{"metaData", metadata}}.dump());
  CHECK(f.log.read().columns.back() == "extra");
  f.log.reconcile({file(20)}, f.columns, 1);
  CHECK(f.log.read().columns.back() == "_load");
  CHECK(f.action(2, "metaData")["configuration"].dump() ==
        R"({"delta.deletedFileRetentionDuration":"interval 90 days",)"
        R"("delta.logRetentionDuration":"x"})");
}

TEST_CASE("a table that another writer upgraded is refused, not damaged") {
  Fixture f;
  f.log.reconcile({file(20)}, f.columns, 1);
  f.foreign("UPGRADE", R"({"protocol":{"minReaderVersion":3,"minWriterVersion":7}})");
  CHECK(f.error_of_reading() == "delta_protocol");
  CHECK_THROWS_AS(f.log.reconcile({file(21)}, f.columns, 2), Error);
  CHECK_FALSE(f.objects->exists(Fixture::path(2)));
}

TEST_CASE("a checkpoint stands in for the commits before it, which may then be gone") {
  Fixture f;
  std::vector<FileEntry> files;
  for (int i = 0; i < 105; ++i) {
    files = {file(20, fmt::format("load{:03}", i)), file(21)};
    f.log.reconcile(files, f.columns, i + 1);
  }
  CHECK(f.objects->exists("default/events/_delta_log/00000000000000000099.checkpoint.parquet"));
  const auto last =
      nlohmann::json::parse(f.objects->get("default/events/_delta_log/_last_checkpoint").value());
  CHECK(last["version"] == 99);
  // protocol, metaData, txn, two files, and the tombstones of 99 superseded ones
  CHECK(last["size"] == 104);
  const auto before = f.log.read();
  for (int version = 0; version <= 99; ++version) f.objects->remove(Fixture::path(version));
  const auto after = f.log.read();
  CHECK(after.version == 104);
  CHECK(after.files == before.files);
  CHECK(after.columns == before.columns);
  CHECK(after.sequence == 105);
  CHECK(f.log.reconcile(files, f.columns, 105).version == 104);

  f.objects->remove(Fixture::path(101));
  CHECK(f.error_of_reading() == "delta_log_gap");
}

TEST_CASE("tombstones leave the checkpoint once no reader may need their files") {
  Fixture f;
  f.log.reconcile({file(20)}, f.columns, 1);
  f.log.reconcile({file(21)}, f.columns, 2);
  f.env.time += std::chrono::days(91);
  for (int i = 2; i < 100; ++i) f.log.reconcile({file(21)}, f.columns, i + 1);
  const auto last =
      nlohmann::json::parse(f.objects->get("default/events/_delta_log/_last_checkpoint").value());
  CHECK(last["size"] == 4);
}

TEST_CASE("a checkpoint in several parts counts only when all of them are there") {
  const std::string two = "00000000000000000020.checkpoint.";
  const auto files = store::delta::log_files(
      {"00000000000000000010.checkpoint.parquet", two + "0000000001.0000000002.parquet",
       "00000000000000000021.json", "_last_checkpoint", "junk.json", "1.json"});
  CHECK(files.checkpoint == 10);
  CHECK(files.last == 21);
  const auto both = store::delta::log_files(
      {two + "0000000001.0000000002.parquet", two + "0000000002.0000000002.parquet"});
  CHECK(both.checkpoint == 20);
  CHECK(both.parts.size() == 2);
  CHECK(both.last == 20);
}

TEST_CASE("a log that nobody can read is named, with the way out") {
  Fixture f;
  f.log.reconcile({file(20)}, f.columns, 1);
  f.objects->put_if_absent(Fixture::path(1), "{\"add\": tru");
  CHECK(f.error_of_reading() == "delta_log_unreadable");
}

TEST_CASE("paths in the log are URL-encoded and come back as they were") {
  const std::string path = "ingestion=i/day=2026-11-20/a b%ä?.parquet";
  CHECK(store::delta::encode_path(path) == "ingestion=i/day=2026-11-20/a%20b%25%C3%A4%3F.parquet");
  CHECK(store::delta::decode_path(store::delta::encode_path(path)) == path);
  CHECK(store::delta::decode_path("100%") == "100%");
}

TEST_CASE("each dataset has the columns that readers were promised") {
  const auto names = [](Dataset dataset) {
    std::string text;
    for (const auto& column : store::table_columns(dataset, {"u"})) {
      text += column.name + ":" + column.type + " ";
    }
    return text;
  };
  CHECK(names(Dataset::Events) ==
        "ingestion:string day:date event_name:string ts:timestamp unit_u:string value:double "
        "value_text:string metadata:string _load:string ");
  CHECK(names(Dataset::Metrics) ==
        "ingestion:string day:date metric_name:string unit_type:string unit_id:string "
        "value:double numerator:double denominator:double _load:string ");
  CHECK(names(Dataset::Exposures) ==
        "ingestion:string day:date experiment:string group_id:string ts:timestamp unit_u:string "
        "metadata:string _load:string ");
  CHECK(names(Dataset::EntityProperties) ==
        "ingestion:string day:date unit_type:string unit_id:string ts:timestamp "
        "properties:string _load:string ");
}
