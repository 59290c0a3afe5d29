#include <fmt/format.h>

#include <algorithm>

#include "warehouse/lake/connector.h"
#include "warehouse/query_text.h"

namespace millrace::warehouse::lake {
namespace {

/// Days whose counts go into one statement: as many files stay open.
constexpr int kDaysAtOnce = 60;

/// A line a file; another text when one of them was written.
std::string listing_of(const std::vector<FileState>& files) {
  std::string listing;
  for (const FileState& file : files) {
    listing += fmt::format("{} {} {}\n", file.path, file.size, file.stamp);
  }
  return listing;
}

}  // namespace

std::optional<std::string> LakeConnector::count_sql(const Query& query, Day day,
                                                    const std::string& name, std::stop_token stop) {
  try {
    const std::string sql = source(query, {day, day}, stop).sql;
    return fmt::format(
        "select {} as day, {} as name, count(*) as n from (\n{}\n) as q group by all",
        quoted_literal(day.text()), name, sql);
  } catch (const Error& error) {
    if (error.code == "no_files") return {};
    throw;
  }
}

void LakeConnector::count_into(std::vector<DayCount>& counts, DayRange days, const std::string& sql,
                               std::stop_token stop) {
  engine().each(
      sql,
      [&](const engine::Row& row) {
        const auto rows = std::stoll(std::string(row[2].value_or("0")));
        if (rows == 0) return;
        const Day day = day_of_key(row[0].value_or(""), days);
        counts.push_back({day, std::string(row[1].value_or("")), rows});
      },
      stop);
}

std::vector<DayCount> LakeConnector::count(const Query& query, DayRange days, bool by_name,
                                           std::stop_token stop) {
  const std::vector<Column> all = described(query, days.last, stop);
  const bool named = by_name && !query.name_column.empty();
  const std::string name =
      named ? fmt::format("cast({} as varchar)",
                          quoted_identifier(column_named(all, query.name_column).name))
            : "''";
  std::vector<DayCount> counts;
  explained([&] {
    if (!days_choose_files(query)) {
      const Query ours = sourced(query, days, stop);
      const std::string predicate = day_predicate(ours, all, days, kDialect);
      const bool one_day = predicate.empty() || days.size() == 1;
      const std::string day =
          one_day ? quoted_literal(days.last.text()) : day_key(ours, all, days, kDialect);
      count_into(
          counts, days,
          fmt::format("select {}, {}, count(*) from (\n{}\n) as q{}{} group by all order by 1, 2",
                      day, name, ours.sql, predicate.empty() ? "" : " where ", predicate),
          stop);
      return;
    }
    for (Day first = days.first; first <= days.last; first = first.plus(kDaysAtOnce)) {
      std::vector<std::string> parts;
      for (Day day = first; day <= std::min(days.last, first.plus(kDaysAtOnce - 1));
           day = day.plus(1)) {
        if (auto sql = count_sql(query, day, name, stop)) parts.push_back("(" + *sql + ")");
      }
      if (parts.empty()) continue;
      count_into(
          counts, days,
          fmt::format("select * from (\n{}\n) order by 1, 2", fmt::join(parts, "\nunion all\n")),
          stop);
    }
  });
  return counts;
}

std::optional<std::string> LakeConnector::token_of(const Query& query, Day day,
                                                   std::stop_token stop) {
  LakeText text;
  if (query.folder.empty()) {
    text = lake_text(query.sql, {day, day}, query.zone, *place_);
    if (text.globs.empty() || looks_beyond_files(query.sql)) return {};
  } else {
    text.globs = {place_->resolve(query.folder + "/" + day.text() + "/*")};
  }
  std::string listing;
  for (const std::string& glob : text.globs) {
    auto known = listed_.find(glob);
    if (known == listed_.end()) {
      known = listed_.emplace(glob, place_->files(engine(), glob, stop)).first;
    }
    const std::vector<FileState> files =
        place_->narrowed(engine(), glob, known->second, {query, text.select, {day, day}}, stop);
    if (std::ranges::any_of(files, &FileState::fresh)) return {};
    listing += listing_of(files);
  }
  return engine().scalar("select sha256(" + engine::literal(listing) + ")", stop);
}

std::optional<std::string> LakeConnector::written(const std::string& path, Day day,
                                                  const Zone& zone, std::stop_token stop) {
  return explained([&]() -> std::optional<std::string> {
    // Inside quotes placeholders are bare text; the engine takes the quotes off.
    const std::string quoted = render(quoted_literal(path), {day, day}, zone, kDialect);
    std::string glob = place_->resolve(engine().scalar("select " + quoted, stop).value_or(""));
    while (glob.ends_with('/')) glob.pop_back();
    std::vector<FileState> files = place_->files(engine(), glob, stop);
    if (files.empty()) files = place_->files(engine(), glob + "/**", stop);
    if (files.empty()) return {};
    return engine().scalar("select sha256(" + engine::literal(listing_of(files)) + ")", stop);
  });
}

std::vector<Token> LakeConnector::tokens(const Query& query, DayRange days, std::stop_token stop) {
  listed_.clear();
  std::vector<Token> tokens;
  // Days that share all files share their token.
  const bool of_day = days_choose_files(query) || place_->narrows();
  explained([&] {
    for (const Day day : days.days()) {
      const bool known = !of_day && !tokens.empty();
      tokens.push_back({day, known ? tokens.front().text : token_of(query, day, stop)});
    }
  });
  listed_.clear();
  return tokens;
}

}  // namespace millrace::warehouse::lake
