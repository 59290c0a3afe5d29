#include <fmt/format.h>

#include "warehouse/lake/connector.h"
#include "warehouse/query_text.h"

namespace millrace::warehouse::lake {

std::string LakeConnector::number_of(const Query& query, DayRange days, std::stop_token stop) {
  if (days_choose_files(query)) return {};
  return day_number(query, described(query, days.first, stop), days, kDialect);
}

std::optional<Estimate> LakeConnector::estimate(const Query& query, DayRange days,
                                                std::stop_token stop) {
  if (number_of(query, days, stop).empty()) return {};
  return explained([&] {
    Estimate found;
    const LakeText text = lake_text(query.sql, days, query.zone, *place_);
    for (const std::string& glob : text.globs) {
      for (const FileState& file :
           place_->narrowed(engine(), glob, place_->files(engine(), glob, stop),
                            {query, text.select, days}, stop)) {
        found.bytes += file.size;
      }
    }
    found.cost = static_cast<double>(found.bytes);
    return found;
  });
}

std::vector<Fingerprint> LakeConnector::fingerprints(const Query& query, DayRange days,
                                                     std::stop_token stop) {
  const std::vector<Column> columns = chosen(query, days.first, stop);
  std::vector<Fingerprint> each(static_cast<std::size_t>(days.size()), empty_fingerprint(columns));
  with_memory([&] {
    engine().each(
        fmt::format("select {}, count(*), {} from (\n{}\n) as r group by 1",
                    number_of(query, days, stop), hash_sum(columns), rows_of(query, days, stop)),
        [&](const engine::Row& row) {
          Fingerprint& found = each.at(std::stoul(std::string(row[0].value())));
          found.rows = std::stoll(std::string(row[1].value()));
          found.sum = row[2].value();
        },
        stop);
  });
  return each;
}

engine::Relation LakeConnector::read_range(const Query& query, DayRange days, engine::Database&,
                                           arrow::Flow&, std::stop_token stop) {
  return explained([&]() -> engine::Relation {
    const std::vector<Column> columns = chosen(query, days.first, stop);
    return {fmt::format("select {}, {} as {} from (\n{}\n) as r", delivered_list(columns),
                        number_of(query, days, stop), quoted_identifier(kDayNumber),
                        rows_of(query, days, stop)),
            columns, texts_of(query.sql)};
  });
}

}  // namespace millrace::warehouse::lake
