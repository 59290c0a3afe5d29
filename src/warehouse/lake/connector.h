#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "warehouse/connector.h"
#include "warehouse/lake/day_files.h"
#include "warehouse/lake/place.h"
#include "warehouse/lake/text.h"

namespace millrace::warehouse::lake {

/// A warehouse that is files: every verb is answered by an engine of its own, opened at the first
/// use and locked to the place. The kinds differ in their Place, and in how they are browsed.
class LakeConnector : public Connector {
 public:
  explicit LakeConnector(std::unique_ptr<Place> place) : place_(std::move(place)) {}

  ProbeReport probe(std::stop_token stop) override;
  std::vector<Table> browse(const std::string& pattern, std::stop_token stop) override;
  std::vector<Column> columns(const std::string& table, std::stop_token stop) override;
  std::vector<Column> describe(const Query& query, Day day, std::stop_token stop) override;
  engine::Relation sample(const Query& query, Day day, std::int64_t rows, engine::Database& into,
                          std::stop_token stop) override;
  std::optional<std::string> scalar(const std::string& sql, Day day, const Zone& zone,
                                    std::stop_token stop) override;
  /// Of the files that match a path, or lie in it as a folder.
  std::optional<std::string> written(const std::string& path, Day day, const Zone& zone,
                                     std::stop_token stop) override;
  std::vector<Token> tokens(const Query& query, DayRange days, std::stop_token stop) override;
  std::vector<DayCount> count(const Query& query, DayRange days, bool by_name,
                              std::stop_token stop) override;
  Fingerprint fingerprint(const Query& query, Day day, bool by_column,
                          std::stop_token stop) override;
  engine::Relation read(const Query& query, Day day, engine::Database& into, arrow::Flow& flow,
                        std::stop_token stop) override;
  /// The size of all files that the query names. None where days have files of their own: then each
  /// file is read once anyway.
  std::optional<Estimate> estimate(const Query& query, DayRange days,
                                   std::stop_token stop) override;
  std::vector<Fingerprint> fingerprints(const Query& query, DayRange days,
                                        std::stop_token stop) override;
  engine::Relation read_range(const Query& query, DayRange days, engine::Database& into,
                              arrow::Flow& flow, std::stop_token stop) override;
  bool snapshot(std::stop_token stop) override;
  std::unique_ptr<Connector> twin(std::stop_token stop) override;
  std::vector<std::string> running(const std::string& tag, std::stop_token stop) override;
  void cancel(const std::string& query_id) override;
  std::string server() override;
  engine::Options engine_needs() override { return place_->engine_needs(); }

 protected:
  /// What a probe does at one step, and what it found.
  struct Step {
    std::string name;
    std::function<std::string()> work;
  };
  /// These steps, until one fails.
  ProbeReport probed(const std::vector<Step>& steps);
  /// Opened at its first use.
  engine::Database& engine();
  /// Runs `work`, with the engine's errors in this place's words.
  template <typename Work>
  auto explained(const Work& work) {
    try {
      return work();
    } catch (const Error& error) {
      throw place_->explained(without_our_line(error));
    }
  }

  Place& place() { return *place_; }

 private:
  /// The same; where memory does not suffice, once more with a single thread.
  template <typename Work>
  void with_memory(const Work& work) {
    try {
      explained(work);
    } catch (const Error& error) {
      if (error.code != "out_of_memory" || alone_) throw;
      alone_ = true;
      engine_.reset();
      explained(work);
    }
  }

  /// The customer's part for a range: SQL with absolute paths, or the files of a folder.
  LakeText source(const Query& query, DayRange range, std::stop_token stop,
                  Asked::Rows rows = Asked::Rows::All);
  /// The query with that part in place of its own text.
  Query sourced(const Query& query, DayRange range, std::stop_token stop,
                Asked::Rows rows = Asked::Rows::All);
  /// Some day's source, where the day asked has no files.
  LakeText any_source(const Query& query, std::stop_token stop);
  const std::vector<Column>& described(const Query& query, Day day, std::stop_token stop);
  std::vector<Column> chosen(const Query& query, Day day, std::stop_token stop);
  std::string rows_of(const Query& query, DayRange days, std::stop_token stop,
                      Asked::Rows rows = Asked::Rows::All);
  /// See `day_number`.
  std::string number_of(const Query& query, DayRange days, std::stop_token stop);
  engine::Relation reading(const Query& query, Day day, const std::string& rest,
                           const std::string& without, std::stop_token stop,
                           Asked::Rows rows = Asked::Rows::All);
  void count_into(std::vector<DayCount>& counts, DayRange days, const std::string& sql,
                  std::stop_token stop);
  std::optional<std::string> count_sql(const Query& query, Day day, const std::string& name,
                                       std::stop_token stop);
  std::optional<std::string> token_of(const Query& query, Day day, std::stop_token stop);

  std::unique_ptr<Place> place_;
  std::optional<engine::Database> engine_;
  bool alone_ = false;
  std::map<std::string, std::vector<Column>> described_;
  std::map<std::string, std::vector<FileState>> listed_;  ///< While tokens of a range are asked.
};

/// Tables of a listing: one entry for a folder of days, for the files of one kind in a folder
/// (sales/*.parquet, dt=*/*.csv), or for a file alone. Paths are relative to `base`.
std::vector<Table> tables_in(const std::vector<FileState>& files, const std::string& base);
/// Contains the text, or matches it where it has * or %; letter case ignored.
bool matches(const std::string& name, const std::string& pattern);

}  // namespace millrace::warehouse::lake
