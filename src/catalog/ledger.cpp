#include "catalog/session.h"

namespace millrace::catalog {
namespace {

constexpr const char* kLedgerColumns =
    R"(SELECT g.load, g.ingestion, g.dataset, g.day, g.rows, g.at, COALESCE(l.asked_by, '')
       FROM ledger g LEFT JOIN load l ON l.project_id = g.project_id AND l.id = g.load
       WHERE g.project_id = :project )";

LedgerEntry entry_in(const Row& row) {
  LedgerEntry entry;
  std::string dataset;
  row.into(entry.load, entry.ingestion, dataset, entry.day, entry.rows, entry.at, entry.trigger);
  entry.dataset = dataset_of(dataset);
  return entry;
}

}  // namespace

std::int64_t Catalog::billed(const std::string& ingestion, Interval published) {
  std::int64_t rows = 0;
  session_->db.one(R"(SELECT COALESCE(sum(rows), 0) FROM ledger
                      WHERE project_id = :project AND ingestion = :ingestion
                        AND at >= :start AND at < :end)",
                   {session_->project, ingestion, published.start, published.end}, rows);
  return rows;
}

std::vector<LedgerEntry> Catalog::ledger(const std::string& ingestion) {
  std::vector<LedgerEntry> entries;
  session_->db.query(std::string(kLedgerColumns) + "AND g.ingestion = :ingestion ORDER BY g.load",
                     {session_->project, ingestion},
                     [&](const Row& row) { entries.push_back(entry_in(row)); });
  return entries;
}

std::vector<LedgerEntry> Catalog::ledger(Interval published) {
  std::vector<LedgerEntry> entries;
  session_->db.query(
      std::string(kLedgerColumns) + "AND g.at >= :start AND g.at < :end ORDER BY g.at, g.load",
      {session_->project, published.start, published.end},
      [&](const Row& row) { entries.push_back(entry_in(row)); });
  return entries;
}

}  // namespace millrace::catalog
