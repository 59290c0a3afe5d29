#include "warehouse/libpq_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"

namespace millrace::warehouse {
namespace {

constexpr std::size_t kNamesAtOnce = 400;

/// The server's names of the types, with their modifiers: numeric(12,2).
std::vector<std::string> type_names(LibpqSession& session, const std::vector<ResultColumn>& columns,
                                    std::stop_token stop) {
  std::vector<std::string> names;
  for (std::size_t from = 0; from < columns.size(); from += kNamesAtOnce) {
    std::vector<std::string> calls;
    for (std::size_t i = from; i < std::min(columns.size(), from + kNamesAtOnce); ++i) {
      calls.push_back(
          fmt::format("pg_catalog.format_type({}, {})", columns[i].oid, columns[i].modifier));
    }
    session.each(
        {fmt::format("select {}", fmt::join(calls, ", ")), {}},
        [&](const engine::Row& row) {
          for (const engine::Cell& cell : row) names.emplace_back(cell.value_or(""));
        },
        stop);
  }
  check(names.size() == columns.size(), "every column's type has a name");
  return names;
}

/// Which of the types are enumerations.
std::set<unsigned> enumerations(LibpqSession& session, const std::set<unsigned>& oids,
                                std::stop_token stop) {
  std::set<unsigned> found;
  if (oids.empty()) return found;
  session.each(
      {fmt::format("select oid from pg_catalog.pg_type where typtype = 'e' and oid in ({})",
                   fmt::join(oids, ", ")),
       {}},
      [&](const engine::Row& row) {
        found.insert(static_cast<unsigned>(std::stoul(std::string(*row.at(0)))));
      },
      stop);
  return found;
}

}  // namespace

LibpqReader::LibpqReader(LibpqLogin login, const LibpqProduct& product)
    : login_(std::move(login)), product_(product) {}

std::unique_ptr<LibpqSession> LibpqReader::connect(std::stop_token stop) {
  open_tunnel(login_, stop);
  try {
    return std::make_unique<LibpqSession>(login_, stop);
  } catch (const Error& error) {
    const bool far_side = error.code == "login_failed" || error.code == "unreachable";
    if (!login_.tunnel || !far_side) throw;
    // Locally everything answered: only ssh knows what happened behind it.
    const std::string words = login_.tunnel->close();
    login_.tunnel.reset();
    throw Error(Fault::Unavailable, "unreachable",
                fmt::format("connecting to {} through {} failed: {}", login_.place(),
                            login_.tunnel_options->ssh_host, words.empty() ? error.what() : words),
                fmt::format("Check that {} can reach {} and may forward to it",
                            login_.tunnel_options->ssh_host, login_.place()));
  }
}

LibpqSession& LibpqReader::session(std::stop_token stop) {
  if (session_) return *session_;
  std::unique_ptr<LibpqSession> session = connect(stop);
  for (const std::string_view setting : product_.after_login) {
    try {
      session->run(std::string(setting), stop);
    } catch (const Error& refused) {
      if (refused.fault != Fault::Misconfigured) throw;
    }
  }
  session_ = std::move(session);
  return *session_;
}

void LibpqReader::begin(std::stop_token stop) {
  finish();
  LibpqSession& session = this->session(stop);
  if (in_snapshot_) return;
  session.run(std::string(product_.begin), stop);
  if (!product_.in_transaction.empty()) session.run(std::string(product_.in_transaction), stop);
}

void LibpqReader::end(bool failed) noexcept {
  if (in_snapshot_ && !failed) return;
  const bool go_back = in_snapshot_ && guarded_;
  if (!go_back) in_snapshot_ = false;
  try {
    session_->run(go_back ? "rollback to savepoint millrace" : "rollback", {});
  } catch (const Error&) {
    // The connection is gone, and the transaction with it.
    in_snapshot_ = false;
  }
}

template <typename Body>
auto LibpqReader::in_transaction(std::stop_token stop, Body body) {
  begin(stop);
  try {
    auto result = body(*session_);
    end(false);
    return result;
  } catch (...) {
    end(true);
    throw;
  }
}

void LibpqReader::each(const Statement& statement, const Transport::OnRow& row,
                       std::stop_token stop) {
  in_transaction(stop, [&](LibpqSession& session) {
    session.each(statement, row, stop);
    return true;
  });
}

std::vector<Column> LibpqReader::describe(const Statement& statement, std::stop_token stop) {
  return in_transaction(stop, [&](LibpqSession& session) {
    const std::vector<ResultColumn> found = session.prepare(statement, stop);
    const std::vector<std::string> names = type_names(session, found, stop);
    std::vector<Column> columns;
    std::set<unsigned> unknown;
    for (std::size_t i = 0; i < found.size(); ++i) {
      columns.push_back({found[i].name, product_.type(found[i].oid), names[i]});
      if (columns.back().type == ColumnType::Other) unknown.insert(found[i].oid);
    }
    if (!product_.enumerations) return columns;
    const std::set<unsigned> labels = enumerations(session, unknown, stop);
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (labels.contains(found[i].oid)) columns[i].type = ColumnType::Text;
    }
    return columns;
  });
}

void LibpqReader::begin_snapshot(const std::string& exported, std::stop_token stop) {
  end_snapshot();
  LibpqSession& session = this->session(stop);
  session.run(std::string(product_.begin_snapshot), stop);
  in_snapshot_ = true;
  try {
    if (!exported.empty()) {
      session.run("set transaction snapshot " + quoted_literal(exported), stop);
    }
    if (!product_.in_transaction.empty()) session.run(std::string(product_.in_transaction), stop);
    if (!exported.empty() && !product_.in_joined.empty()) {
      session.run(std::string(product_.in_joined), stop);
    }
  } catch (...) {
    end_snapshot();
    throw;
  }
}

void LibpqReader::guard_snapshot(std::stop_token stop) {
  if (!product_.savepoints) return;
  session_->run("savepoint millrace", stop);
  guarded_ = true;
}

void LibpqReader::end_snapshot() noexcept {
  finish();
  guarded_ = false;
  if (in_snapshot_) end(true);
}

void LibpqReader::start(const Statement& statement, std::stop_token stop) {
  begin(stop);
  try {
    session_->start(statement, stop);
  } catch (...) {
    end(true);
    throw;
  }
  reading_ = true;
}

bool LibpqReader::next(engine::Row& row, std::stop_token stop) {
  if (!reading_) return false;
  try {
    if (session_->next(row, stop)) return true;
  } catch (...) {
    reading_ = false;
    end(true);
    throw;
  }
  reading_ = false;
  end(false);
  return false;
}

void LibpqReader::finish() noexcept {
  if (!reading_) return;
  reading_ = false;
  session_->finish();
  // What was cancelled may have ended in an error, and then a snapshot needs repair.
  end(true);
}

}  // namespace millrace::warehouse
