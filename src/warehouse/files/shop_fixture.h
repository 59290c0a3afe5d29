#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/database.h"
#include "warehouse/connector.h"
#include "warehouse/files/kind.h"

/// For tests: a folder of files as a warehouse.
namespace millrace::warehouse::fixture {

namespace fs = std::filesystem;

/// A root with a folder `shop` that a connection may read, and a neighbour that it may not.
struct Shop {
  fs::path root;
  Shop() {
    std::string pattern = (fs::temp_directory_path() / "millrace-files-XXXXXX").string();
    root = fs::canonical(::mkdtemp(pattern.data()));
    fs::create_directories(root / "shop/sales");
    fs::create_directories(root / "shop-of-others");
    std::ofstream(root / "shop-of-others/x.csv") << "a\n1\n";
    std::ofstream(root / "catalog.db") << "SQLite format 3";
  }
  ~Shop() { fs::remove_all(root); }

  /// Writes the rows of a SELECT to a file below the shop.
  void put(const std::string& path, const std::string& select) const {
    const fs::path file = root / "shop" / path;
    fs::create_directories(file.parent_path());
    engine::Options options;
    options.allowed = {root.string()};
    const std::string format = file.extension() == ".csv" ? "csv" : "parquet";
    engine::Database::open(options).execute("copy (" + select + ") to '" + file.string() +
                                            "' (format " + format + ")");
    // Old enough for a token to be trusted; a later write is newer.
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(1));
  }
  std::unique_ptr<Connector> open() const {
    return files::kKind.open({{{"path", (root / "shop").string()}}, {root.string()}});
  }
};

inline Query sql(std::string text, TimeColumn time = {}) {
  Query query;
  query.sql = std::move(text);
  query.time = std::move(time);
  query.zone = Zone::named("UTC-8");
  return query;
}

inline Query folder(std::string name) {
  Query query;
  query.folder = std::move(name);
  query.zone = Zone::named("UTC-8");
  return query;
}

/// The rows in order, values by `|`, NULL as `-`.
inline std::vector<std::string> texts_of(engine::Database& database, const std::string& select) {
  std::vector<std::string> rows;
  database.each("select * from (" + select + ") order by all", [&](const engine::Row& row) {
    std::string text;
    for (const auto& cell : row)
      text += (text.empty() ? "" : "|") + std::string(cell.value_or("-"));
    rows.push_back(text);
  });
  return rows;
}

/// The rows of a day.
inline std::vector<std::string> rows_of(Connector& shop, const Query& query, Day of) {
  engine::Database into = engine::Database::open(shop.engine_needs());
  arrow::Flow flow;
  return texts_of(into, shop.read(query, of, into, flow, {}).sql);
}

}  // namespace millrace::warehouse::fixture
