#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "catalog/catalog.h"

namespace millrace::catalog {

struct Session;

/// What a publish record says has happened.
enum class What { Define, Archive, Remove, Publish, Hold, Undo, Release };

/// One change of a dataset's days or ingestions, complete: applied in the order of `seq`, records
/// make the catalog that they came from. Holds no secret: a connection is only named.
struct Record {
  What what = What::Define;
  std::int64_t seq = 0;
  Instant at{};
  Ingestion ingestion{};                   ///< As it is after the change.
  std::optional<Definition> definition{};  ///< The version's own, where the ingestion has another.
  std::optional<DayState> state{};         ///< Of the day after the change; not for ingestions.
  std::optional<LoadRow> load{};           ///< Publish, Hold.
  std::optional<Version> version{};        ///< Publish.
  unsigned version_flags = 0;              ///< What `state.flags` says about the version itself.
  std::optional<std::int64_t> billable{};  ///< Publish: rows in the ledger.
  std::optional<Manifest> manifest{};      ///< Hold: what waits in staging.
  std::string note{};
};

std::string text_of(const Record& record);
/// Throws BadData `bad_json`.
Record record_in(const std::string& text);

/// Makes the tables say what the record says. The one way in which days and ingestions change:
/// today's work and a rebuilt catalog cannot differ. Inside a Transaction.
void apply(Session& session, const Record& record);

/// Gives the record its place in the table's sequence, applies it, and owes its telling.
Published announce(Session& session, Record record);

}  // namespace millrace::catalog
