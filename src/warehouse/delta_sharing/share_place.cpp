#include "warehouse/delta_sharing/share_place.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/scratch_folder.h"
#include "warehouse/delta/days_of_files.h"
#include "warehouse/delta/table_schema.h"

namespace millrace::warehouse::delta_sharing {
namespace {

namespace fs = std::filesystem;
using delta::TableColumn;
using lake::Asked;
using lake::FileState;

/// As much of a table is fetched for a few rows of any day.
constexpr std::int64_t kSampleBytes = 64 << 20;
/// A line of the server's answer: the longest describes the table.
constexpr std::int64_t kLineMost = 4 << 20;

/// What a session and its twins have fetched.
class Fetched {
 public:
  const fs::path& folder() const { return folder_.path(); }
  fs::path next(const char* ending) { return folder() / fmt::format("{}.{}", ++number_, ending); }
  fs::path of(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = files_.find(id);
    return found == files_.end() ? fs::path() : found->second;
  }
  void keep(const std::string& id, const fs::path& file) {
    const std::lock_guard lock(mutex_);
    files_.emplace(id, file);
  }

 private:
  ScratchFolder folder_;
  mutable std::mutex mutex_;
  std::atomic<int> number_ = 0;
  std::map<std::string, fs::path> files_;  ///< By the id of the Delta file.
};

/// What the server said of a table, in a file that goes with this.
class Listing {
 public:
  explicit Listing(fs::path file) : file_(std::move(file)) {}
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;
  ~Listing() {
    std::error_code ignored;
    fs::remove(file_, ignored);
  }
  const fs::path& file() const { return file_; }

  /// The lines of files, as rows of one column `file` of JSON.
  std::string rows() const {
    return fmt::format(
        "(select file from read_json({}, format = 'newline_delimited', columns = {{'file': "
        "'JSON'}}, maximum_object_size = {}) where file is not null)",
        engine::literal(file_.string()), kLineMost);
  }

  std::vector<TableColumn> columns() const {
    std::ifstream in(file_);
    for (std::string line; std::getline(in, line);) {
      const json::Value value = json::Value::parse(line, nullptr, false);
      if (!value.is_object() || value.contains("file")) break;
      if (const auto found = value.find("metaData"); found != value.end()) {
        return delta::table_columns(*found);
      }
    }
    throw Error(Fault::Unavailable, "bad_answer",
                "the sharing server answered without describing the table", "Try again");
  }

 private:
  fs::path file_;
};

/// shared: by a session and its twins, which read beside each other.
using FetchedByTwins = std::shared_ptr<Fetched>;

/// One file of a table, and where it is to be had.
struct Link {
  std::string id, url, partition;
  std::int64_t size = 0;
};

class SharePlace final : public lake::Place {
 public:
  SharePlace(SharingApi api, FetchedByTwins fetched)
      : api_(std::move(api)), fetched_(std::move(fetched)) {}

  const std::string& base() const override { return base_; }

  std::string resolve(const std::string& path) const override {
    if (shared_table(path)) return path;
    throw Error(Fault::Misconfigured, "bad_path",
                fmt::format("reading '{}': a shared table is named 'share.schema.table'", path),
                "`millrace connection tables NAME` lists what is shared");
  }

  std::vector<FileState> files(engine::Database& database, const std::string& table,
                               std::stop_token stop) override {
    std::vector<FileState> files;
    for (const Link& link : links(database, listed(table, stop), "", stop)) {
      files.push_back({table + "#" + link.id, link.size, link.id});
    }
    return files;
  }

  bool narrows() const override { return true; }

  std::vector<FileState> narrowed(engine::Database& database, const std::string& table,
                                  std::vector<FileState> files, const Asked& asked,
                                  std::stop_token stop) override {
    const auto known = listings_.find(table);
    check(known != listings_.end(), "the files of a table were listed before some are chosen");
    const std::string condition = delta::may_hold(asked, known->second->columns());
    if (condition.empty()) return files;
    std::set<std::string> kept;
    for (const Link& link : links(database, *known->second, condition, stop)) kept.insert(link.id);
    std::erase_if(files, [&](const FileState& file) { return !kept.contains(file.stamp); });
    return files;
  }

  std::string relation(engine::Database& database, const std::string& table,
                       const engine::FileRead& read, const Asked& asked,
                       std::stop_token stop) override {
    if (!read.is_table) {
      throw Error(Fault::Misconfigured, "bad_path",
                  fmt::format("reading '{}': a shared table is no file for a function", table),
                  fmt::format("Write it where a table stands: select … from '{}'", table));
    }
    if (asked.rows == Asked::Rows::None) {
      const Listing listing(fetched_->next("ndjson"));
      api_.describe(*shared_table(table), listing.file(), stop);
      return fmt::format("({})", without_rows(listing.columns()));
    }
    const Listing& listing = listed(table, stop);
    std::vector<Link> wanted =
        links(database, listing, delta::may_hold(asked, listing.columns()), stop);
    if (asked.rows == Asked::Rows::Some) cut(wanted);
    fetch(database, table, wanted, stop);
    return rows_of(listings_.at(table)->columns(), wanted);
  }

  Error explained(const Error& error) const override {
    const std::string text = error.what();
    const bool is_name = text.starts_with("Catalog Error: Table with name") ||
                         (text.starts_with("Binder Error: Catalog ") &&
                          text.find("does not exist") != std::string::npos);
    if (error.code != "sql_error" || !is_name) return error;
    return {Fault::Misconfigured, "sql_error", text,
            "Name a shared table in quotes: from 'share.schema.table'; `millrace connection tables "
            "NAME` lists them"};
  }
  std::string first_step() const override { return "read the profile"; }
  std::string found() const override {
    const Profile& profile = api_.profile();
    if (!profile.expires) return profile.endpoint;
    return fmt::format("{}, until {}", profile.endpoint, to_text(*profile.expires));
  }

  engine::Options engine_needs() const override {
    engine::Options options;
    options.allowed = {fetched_->folder().string() + "/"};
    return options;
  }

  std::unique_ptr<lake::Place> copy() const override {
    return std::make_unique<SharePlace>(api_, fetched_);
  }

 private:
  const Listing& listed(const std::string& table, std::stop_token stop) {
    auto listing = std::make_unique<Listing>(fetched_->next("ndjson"));
    api_.list(*shared_table(table), listing->file(), std::move(stop));
    return *(listings_[table] = std::move(listing));
  }

  /// The files of a listing, or those that a condition of `may_hold` keeps.
  static std::vector<Link> links(engine::Database& database, const Listing& listing,
                                 const std::string& condition, std::stop_token stop) {
    std::vector<Link> links;
    database.each(
        fmt::format("select json_extract_string(file, '$.id'), json_extract_string(file, '$.url'),"
                    " cast(json_extract(file, '$.partitionValues') as varchar),"
                    " coalesce(try_cast(json_extract_string(file, '$.size') as bigint), 0)"
                    " from {}{}{} order by 1",
                    listing.rows(), condition.empty() ? "" : " where ", condition),
        [&](const engine::Row& row) {
          links.push_back({std::string(row[0].value_or("")), std::string(row[1].value_or("")),
                           std::string(row[2].value_or("{}")),
                           std::stoll(std::string(row[3].value()))});
        },
        stop);
    return links;
  }

  /// To as many as a sample takes, at least one.
  static void cut(std::vector<Link>& links) {
    std::int64_t bytes = 0;
    std::size_t count = 0;
    while (count < links.size() && (count == 0 || bytes + links[count].size <= kSampleBytes)) {
      bytes += links[count++].size;
    }
    links.resize(count);
  }

  /// Fetches those that are not here yet. A link lives for some minutes: where one leads nowhere,
  /// the server is asked once more for all that are still missing.
  void fetch(engine::Database& database, const std::string& table, std::vector<Link>& wanted,
             std::stop_token stop) {
    bool is_new = false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!fetched_->of(wanted[i].id).empty() || fetch(wanted[i], stop)) {
        is_new = false;
        continue;
      }
      if (is_new) gone(table);
      std::map<std::string, std::string> urls;
      for (const Link& link : links(database, listed(table, stop), "", stop)) {
        urls[link.id] = link.url;
      }
      for (std::size_t j = i; j < wanted.size(); ++j) {
        const auto found = urls.find(wanted[j].id);
        if (found == urls.end()) gone(table);
        wanted[j].url = found->second;
      }
      is_new = true;
      --i;
    }
  }

  bool fetch(const Link& link, std::stop_token stop) {
    const fs::path file = fetched_->next("parquet");
    if (!api_.download(link.url, file, std::move(stop))) {
      std::error_code ignored;
      fs::remove(file, ignored);
      return false;
    }
    if (const auto size = static_cast<std::int64_t>(fs::file_size(file)); size != link.size) {
      throw Error(Fault::Unavailable, "source_failed",
                  fmt::format("a file of {} bytes arrived with {}", link.size, size),
                  "Load the day again");
    }
    fetched_->keep(link.id, file);
    return true;
  }

  [[noreturn]] static void gone(const std::string& table) {
    throw Error(Fault::Unavailable, "source_failed",
                fmt::format("{} changed while it was read: a file of it is gone", table),
                "Load the day again");
  }

  static std::string without_rows(const std::vector<TableColumn>& columns) {
    std::vector<std::string> items;
    for (const TableColumn& column : columns) {
      items.push_back(
          fmt::format("cast(null as {}) as {}", column.type, engine::identifier(column.name)));
    }
    return fmt::format("select {} where false", fmt::join(items, ", "));
  }

  /// The rows of these files as the table's schema has them: a column that a file lacks is null,
  /// and one that partitions it has the value that stands beside the file.
  std::string rows_of(const std::vector<TableColumn>& columns,
                      const std::vector<Link>& files) const {
    std::map<std::string, std::vector<std::string>> by_partition;
    for (const Link& file : files) {
      by_partition[file.partition].push_back(engine::literal(fetched_->of(file.id).string()));
    }
    std::vector<std::string> partitions, items;
    for (const TableColumn& column : columns) {
      const std::string name = engine::identifier(column.name);
      items.push_back(fmt::format("cast({0} as {1}) as {0}", name, column.type));
      if (column.is_partition) partitions.push_back(engine::literal(column.name));
    }
    std::string rows = without_rows(columns);
    for (const auto& [values, paths] : by_partition) {
      const json::Value given = json::Value::parse(values, nullptr, false);
      std::string fixed;
      for (const TableColumn& column : columns) {
        if (!column.is_partition) continue;
        const std::string value = json::text_in(given, column.name);
        fixed +=
            fmt::format(", cast({} as {}) as {}", value.empty() ? "null" : engine::literal(value),
                        column.type, engine::identifier(column.name));
      }
      rows += fmt::format(
          "\nunion all by name select {}{} from read_parquet([{}], union_by_name = true, "
          "hive_partitioning = false)",
          partitions.empty()
              ? "*"
              : fmt::format("columns(lambda c: c not in ({}))", fmt::join(partitions, ", ")),
          fixed, fmt::join(paths, ", "));
    }
    return fmt::format("(select {} from ({}))", fmt::join(items, ", "), rows);
  }

  std::string base_;
  SharingApi api_;
  FetchedByTwins fetched_;
  std::map<std::string, std::unique_ptr<Listing>> listings_;  ///< As last asked for.
};

}  // namespace

std::unique_ptr<lake::Place> share_place(SharingApi api) {
  return std::make_unique<SharePlace>(std::move(api), std::make_shared<Fetched>());
}

}  // namespace millrace::warehouse::delta_sharing
