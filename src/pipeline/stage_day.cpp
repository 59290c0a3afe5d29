#include "pipeline/stage_day.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>

#include "arrow/batches.h"
#include "base/error.h"
#include "pipeline/day_group.h"
#include "pipeline/day_writer.h"
#include "pipeline/gates.h"
#include "pipeline/mapping.h"
#include "pipeline/misfits.h"
#include "pipeline/range_split.h"
#include "pipeline/repeatable.h"
#include "store/store.h"

namespace millrace::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBatchBytes = 4 << 20;

/// One day on its way through this process.
class Staging {
 public:
  Staging(const WorkOrder& work, const DayOrder& order, warehouse::Connector& connector,
          const Tell& tell, std::stop_token stop, const ReadBefore* read)
      : work_(work),
        order_(order),
        connector_(connector),
        tell_(tell),
        stop_(stop),
        given_(read),
        query_(query_of(work.definition, order.load)) {
    manifest_.load = order.load;
    manifest_.day = order.day;
    manifest_.revision = revision_of(work.definition);
  }

  Manifest run(bool keep) {
    if (given_ != nullptr) {
      take_given();
    } else {
      require_ready();
      timed("look", [&] { look_before(); });
    }
    if (order_.waits_for_data && proof_.source_count == 0) {
      throw Error(Fault::Unavailable, std::string(kNoDataYet),
                  fmt::format("the warehouse has no row of {} yet", order_.day.text()),
                  "It is looked at again until the deadline; then the day has no data");
    }
    if (given_ == nullptr && work_.fingerprint && order_.is_doubted) {
      timed("repeat", [&] { ask_again(); });
    }
    timed("read", [&] { read_and_map(); });
    if (given_ != nullptr) given_->split->done(order_.day);
    timed("look", [&] { look_after(); });
    if (manifest_.not_repeatable) {
      manifest_.note = not_repeatable_ + (manifest_.note.empty() ? "" : "; " + manifest_.note);
    }
    if (!keep) note_unread_rows();
    millrace::check(proof_.adds_up(), "a certificate adds up");
    require_same_count();
    fs::remove_all(fs::path(order_.staging) / "spill");
    if (keep) {
      // What was read with others has been told already.
      const std::int64_t rows = given_ == nullptr ? proof_.read : 0;
      tell_({.load = order_.load, .day = order_.day, .stage = "seal", .rows = rows});
    }
    return std::move(manifest_);
  }

 private:
  /// A day that is not ready at its deadline is somebody's to look at: neither loaded half nor
  /// called empty.
  void require_ready() {
    const Zone zone = Zone::named(work_.definition.zone);
    const auto why = why_not_ready(connector_, order_, zone, proof_.upstream, stop_);
    if (!why) return;
    throw Error(Fault::Unavailable,
                order_.waits_for_data ? std::string(kNoDataYet) : std::string("not_ready"),
                "the day is not ready: " + *why,
                order_.waits_for_data
                    ? "It is asked again until the deadline"
                    : "Load the day when the warehouse has it, or change `ready`");
  }

  template <typename Work>
  void timed(const char* stage, const Work& work) {
    manifest_.took_ms[stage] += took_ms(work);
  }

  /// Before the read: a change that lands while we read must show at the next check.
  void look_before() {
    tell_({.load = order_.load, .day = order_.day, .stage = "fingerprint"});
    proof_.snapshot = connector_.snapshot(stop_);
    proof_.counted_by = connector_.server();
    manifest_.token = token_now();
    if (!work_.fingerprint) {
      proof_.source_count = rows_of(connector_, query_, order_.day, stop_);
      return;
    }
    proof_.before = connector_.fingerprint(query_, order_.day, false, stop_);
    know_before();
  }

  /// It was looked at and read with others.
  void take_given() {
    proof_.snapshot = given_->snapshot;
    proof_.counted_by = given_->counted_by;
    proof_.source_count = given_->rows;
    proof_.before = given_->before;
    manifest_.fingerprint = given_->before;
    manifest_.token = given_->token;
    if (!given_->not_repeatable.empty()) is_not_repeatable(given_->not_repeatable);
    manifest_.took_ms = given_->took_ms;
  }

  std::optional<std::string> token_now() { return token_of(connector_, query_, order_.day, stop_); }

  void know_before() {
    proof_.source_count = proof_.before->rows;
    manifest_.fingerprint = proof_.before;
  }

  /// Is the query repeatable at all?
  void ask_again() {
    const auto why =
        why_not_repeatable(connector_, query_, order_.day, proof_.snapshot, *proof_.before, stop_);
    know_before();
    if (why) is_not_repeatable(*why);
  }

  void is_not_repeatable(const std::string& why) {
    manifest_.not_repeatable = true;
    not_repeatable_ = why;
  }

  /// Where the memory of a load does not suffice, rows are long: then by one thread, a few rows at
  /// a time, and with a budget for the engine's generous buffers, of which it touches little; at
  /// last with more than is a load's, so that the day is loaded at all.
  void read_and_map() {
    const Manifest before = manifest_;
    if (given_ != nullptr && given_->group != nullptr) {
      try {
        finish_mapped(*given_->group);
        return;
      } catch (const Error& error) {
        if (error.code != "out_of_memory") throw;
      }
    }
    const std::int64_t memory = work_.memory_bytes > 0 ? work_.memory_bytes : kMemoryBytes;
    const std::int64_t whole = std::max(memory, kMemoryBytes);
    const std::array<Budget, 3> budgets = {
        {{.threads = work_.threads, .memory_bytes = memory},
         {.threads = 1, .memory_bytes = whole * 3 / 2, .batch_bytes = kBatchBytes},
         {.threads = 1, .memory_bytes = whole * 4, .batch_bytes = kBatchBytes}}};
    for (const Budget& budget : budgets) {
      manifest_ = before;
      try {
        read_and_map(budget);
        break;
      } catch (const Error& error) {
        if (error.code != "out_of_memory" || &budget == &budgets.back()) throw;
      }
    }
  }

  void read_and_map(const Budget& budget) {
    arrow::Flow flow;
    std::vector<std::string> folders = {order_.staging};
    if (lies_here()) folders.push_back(given_->split->folder().string());
    engine::Database database = mapping_engine(budget, fs::path(order_.staging) / "spill",
                                               connector_.engine_needs(), {}, folders);
    try {
      engine::Relation source = lies_here()
                                    ? given_->split->rows(order_.day)
                                    : connector_.read(query_, order_.day, database, flow, stop_);
      if (budget.batch_bytes > 0 && !source.in_batches) {
        // The engine reads 2,048 rows of a file at a time, and needs many times their size to make
        // JSON of them.
        database.scan("batches",
                      arrow::observed(
                          arrow::in_batches(database.stream(source.sql, stop_), budget.batch_bytes),
                          flow, [this] { return stop_.stop_requested(); }));
        source.sql = "SELECT * FROM batches";
      }
      const MapSql map = mapping_of(source);
      // What was read with others has been told already.
      const Reporter reporter(order_, given_ == nullptr ? proof_.source_count : std::nullopt, flow,
                              database, tell_);
      write_day(database, map, work_, order_.staging, manifest_, stop_);
      const bool others_have_rows = given_ != nullptr && given_->rows_of_all > 0;
      if (proof_.read == 0 && !others_have_rows) look_for_misread_times(source, database);
    } catch (const Error& error) {
      throw read_failed(error, flow);
    }
  }

  MapSql mapping_of(const engine::Relation& source) const {
    return map_sql(work_.definition, source, {order_.day, {order_.load}, {}}, work_.unit_types);
  }

  void finish_mapped(DayGroup& group) {
    finish_day(group.database(), mapping_of(group.source()), work_, order_.staging,
               group.staged(order_.day), manifest_, stop_);
    if (proof_.read == 0 && given_->rows_of_all == 0) {
      look_for_misread_times(group.source(), group.database());
    }
  }

  /// Its rows were read with others, and wait in a folder.
  bool lies_here() const { return given_ != nullptr && given_->split->has_rows(); }

  /// Times that are read in the wrong way give a day without rows, not a wrong one: so a few rows
  /// of any day are looked at.
  void look_for_misread_times(const engine::Relation& source, engine::Database& database) {
    const auto column = std::ranges::find(source.columns, query_.time.column, &Column::name);
    if (query_.time.kind == TimeColumn::Kind::None || column == source.columns.end()) return;
    Query any_day = query_;
    any_day.time = {};
    const engine::Relation sample = connector_.sample(any_day, order_.day, 100, database, stop_);
    manifest_.note =
        misread_times(database, sample, *column, query_.time, work_.definition, order_.day, stop_);
  }

  void look_after() {
    if (!work_.fingerprint) return;
    if (proof_.snapshot || manifest_.not_repeatable) {
      proof_.after = proof_.before;
      return;
    }
    if (given_ != nullptr) {
      proof_.after = given_->after;
    } else if (manifest_.token && token_now() == manifest_.token) {
      // Files whose token did not move hold what they held.
      proof_.after = proof_.before;
    } else {
      proof_.after = connector_.fingerprint(query_, order_.day, false, stop_);
    }
    manifest_.moved_during_read = *proof_.after != *proof_.before;
    if (!manifest_.moved_during_read || proof_.after->rows != proof_.before->rows) return;
    // A change, or a query that never says the same.
    if (const auto why =
            why_not_repeatable(connector_, query_, order_.day, false, *proof_.after, stop_)) {
      is_not_repeatable(*why);
      manifest_.moved_during_read = false;
      proof_.after = proof_.before;
    }
  }

  /// A load does not ask: where no index tells, it is one more scan of the whole table.
  void note_unread_rows() {
    for (const std::string& note :
         {no_day_note(connector_, query_, order_.day, stop_),
          pruned_note(connector_, query_, order_.day, proof_.source_count.value_or(0), stop_)}) {
      if (!note.empty()) manifest_.note += (manifest_.note.empty() ? "" : "; ") + note;
    }
  }

  /// What was read is what was counted, where both saw the same rows.
  void require_same_count() const {
    const bool same_rows = proof_.snapshot || (work_.fingerprint && !manifest_.moved_during_read);
    if (!same_rows || manifest_.not_repeatable || proof_.read == *proof_.source_count) return;
    throw Error(Fault::Unavailable, "count_mismatch",
                fmt::format("{} counted {} rows but delivered {}", proof_.counted_by,
                            *proof_.source_count, proof_.read),
                "Load the day again; if it happens twice, the source loses rows on the way");
  }

  const WorkOrder& work_;
  const DayOrder& order_;
  warehouse::Connector& connector_;
  const Tell& tell_;
  std::stop_token stop_;
  const ReadBefore* given_;
  const Query query_;
  Manifest manifest_;
  Certificate& proof_ = manifest_.certificate;
  std::string not_repeatable_;
};

}  // namespace

Error read_failed(const Error& error, const arrow::Flow& flow) {
  if (error.fault == Fault::Cancelled) return error;
  if (const auto failure = flow.failure()) {
    if (failure->fault != Fault::Unavailable || failure->code == warehouse::kTableWanted) {
      return *failure;
    }
    Error stopped = failure->reworded(
        [](const std::string& text) { return "the warehouse stopped delivering: " + text; });
    stopped.code = "source_failed";
    stopped.advice = "Load the day again";
    stopped.retry_after.reset();
    return stopped;
  }
  // A line that the engine quotes is one of our statement, in which the customer's SQL is a part.
  if (error.code != "bad_value") return error;
  return engine::without_excerpt(error);
}

int threads_of(const Budget& budget) {
  return budget.threads > 0 ? budget.threads
                            : static_cast<int>(std::thread::hardware_concurrency());
}

Budget part_among(int many, const Budget& whole) {
  return {.threads = std::max(1, threads_of(whole) / many),
          .memory_bytes = std::max(whole.memory_bytes / many, kMemoryBytesMin)};
}

engine::Database mapping_engine(const Budget& budget, const fs::path& spill, engine::Options needs,
                                const std::vector<std::string>& setup,
                                const std::vector<std::string>& folders) {
  engine::Options options = std::move(needs);
  options.setup.insert(options.setup.end(), setup.begin(), setup.end());
  options.allowed.insert(options.allowed.end(), folders.begin(), folders.end());
  options.memory_bytes = budget.memory_bytes;
  options.threads = budget.threads;
  options.spill = spill;
  return engine::Database::open(options);
}

std::optional<std::string> token_of(warehouse::Connector& connector, const Query& query, Day day,
                                    std::stop_token stop) {
  for (const Token& token : connector.tokens(query, {day, day}, stop)) {
    if (token.day == day) return token.text;
  }
  return {};
}

std::int64_t rows_of(warehouse::Connector& connector, const Query& query, Day day,
                     std::stop_token stop) {
  std::int64_t rows = 0;
  for (const DayCount& count : connector.count(query, {day, day}, false, stop)) {
    if (count.day == day) rows += count.rows;
  }
  return rows;
}

Manifest stage_day(const WorkOrder& work, const DayOrder& order, warehouse::Connector& connector,
                   bool keep, const Tell& tell, std::stop_token stop, const ReadBefore* read) {
  return Staging(work, order, connector, tell, stop, read).run(keep);
}

Manifest seal_day(const DayOrder& order, Manifest manifest) {
  manifest.took_ms["seal"] = took_ms([&] { store::seal(order.staging, manifest); });
  return manifest;
}

}  // namespace millrace::pipeline
