#include "pipeline/replay_day.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "pipeline/day_writer.h"
#include "pipeline/mapping.h"
#include "pipeline/quarantine.h"
#include "pipeline/source_columns.h"
#include "store/store.h"

namespace millrace::pipeline {
namespace {

namespace fs = std::filesystem;

class Replay {
 public:
  Replay(const WorkOrder& work, const DayOrder& order, std::stop_token stop)
      : work_(work),
        order_(order),
        from_(order.replayed.value()),
        stop_(stop),
        database_(engine::Database::open(options())),
        columns_(quarantined_columns(database_, from_.quarantine, stop)) {
    manifest_.load = order.load;
    manifest_.day = order.day;
    manifest_.revision = revision_of(work.definition);
  }

  Manifest run() {
    const engine::Relation rows = quarantined_rows(from_.quarantine, columns_);
    const MapSql map =
        map_sql(work_.definition, rows, {order_.day, {order_.load}, {}}, work_.unit_types);
    write_day(database_, map, work_, order_.staging, manifest_, stop_);
    refuse_collisions();
    keep_the_others();
    certify(map);
    fs::remove_all(fs::path(order_.staging) / "spill");
    store::seal(order_.staging, manifest_);
    return std::move(manifest_);
  }

 private:
  engine::Options options() const {
    engine::Options options;
    options.memory_bytes = work_.memory_bytes > 0 ? work_.memory_bytes : kMemoryBytes;
    options.threads = work_.threads;
    options.spill = fs::path(order_.staging) / "spill";
    options.allowed = {order_.staging, fs::path(from_.quarantine).parent_path().string()};
    for (const std::string& file : from_.files) {
      options.allowed.push_back(fs::path(file).parent_path().string());
    }
    return options;
  }

  /// The new file, under the name that it has while it is staged; none where no row fits.
  std::vector<std::string> written() const {
    if (manifest_.files.empty()) return {};
    const fs::path name = fs::path(manifest_.files[0].path).filename();
    return {(fs::path(order_.staging) / name).string()};
  }

  void refuse_collisions() {
    if (work_.definition.dataset != Dataset::Metrics) return;
    if (written().empty() || from_.files.empty()) return;
    const auto rows = database_.scalar(
        fmt::format("SELECT count(*) FROM {} SEMI JOIN {} USING (metric_name, unit_type, unit_id)",
                    parquet(written()), parquet(from_.files)),
        stop_);
    if (*rows == "0") return;
    throw Error(
        Fault::Conflict, "replay_collides",
        fmt::format("{} of the replayed metric rows have a key that is loaded already", *rows),
        "Load the whole day again: its rule on duplicates then decides");
  }

  /// Rows that are not replayed stay in quarantine beside those that still do not fit.
  void keep_the_others() {
    const std::string others =
        fmt::format("SELECT * FROM {} WHERE NOT ({})", parquet({from_.quarantine}), kReplayable);
    const auto count = database_.scalar(fmt::format("SELECT count(*) FROM ({})", others), stop_);
    if (*count == "0") return;
    const fs::path folder(order_.staging), all = folder / "quarantine-all.parquet";
    std::string select = others;
    if (!manifest_.quarantine.empty()) {
      select +=
          " UNION ALL BY NAME SELECT * FROM " + parquet({(folder / manifest_.quarantine).string()});
    }
    database_.copy(select, all, quarantine_format(columns_), stop_);
    manifest_.quarantine = "quarantine.parquet";
    fs::rename(all, folder / manifest_.quarantine);
  }

  /// From the account of the replayed rows to that of the day: what was loaded stays loaded.
  void certify(const MapSql& map) {
    const Certificate replayed = std::exchange(manifest_.certificate, from_.certificate);
    Certificate& proof = manifest_.certificate;
    proof.upstream.clear();  // Speaks of the moment of that load.
    proof.loaded += replayed.loaded;
    proof.excluded += replayed.excluded;
    for (const auto& [rule, rows] : replayed.excluded_by_rule) proof.excluded_by_rule[rule] += rows;
    proof.output_rows += replayed.output_rows;
    count_rejects();
    millrace::check(proof.adds_up(), "a certificate adds up");
    std::vector<std::string> files = from_.files;
    for (const std::string& file : written()) files.push_back(file);
    proof.sums = sums_of(database_, files, map.sums, stop_);
  }

  void count_rejects() {
    Certificate& proof = manifest_.certificate;
    proof.rejected = proof.partly_loaded = 0;
    proof.rejected_by_reason.clear();
    proof.partly_by_reason.clear();
    if (manifest_.quarantine.empty()) return;
    const fs::path file = fs::path(order_.staging) / manifest_.quarantine;
    database_.each(
        fmt::format("SELECT reason, partly_loaded, count(*) FROM {} GROUP BY ALL",
                    parquet({file.string()})),
        [&](const engine::Row& row) {
          const std::int64_t rows = std::stoll(std::string(*row[2]));
          const bool partly = *row[1] == "true";
          (partly ? proof.partly_loaded : proof.rejected) += rows;
          (partly ? proof.partly_by_reason : proof.rejected_by_reason)[std::string(*row[0])] +=
              rows;
        },
        stop_);
  }

  const WorkOrder& work_;
  const DayOrder& order_;
  const Replayed& from_;
  std::stop_token stop_;
  engine::Database database_;
  const std::vector<Column> columns_;
  Manifest manifest_;
};

}  // namespace

Manifest replay_day(const WorkOrder& work, const DayOrder& order, const Tell& tell,
                    std::stop_token stop) {
  tell({.load = order.load, .day = order.day, .stage = "replay"});
  return Replay(work, order, stop).run();
}

}  // namespace millrace::pipeline
