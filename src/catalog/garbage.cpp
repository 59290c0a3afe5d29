#include <set>

#include "catalog/session.h"

namespace millrace::catalog {
namespace {

/// A version that nobody needs any more: superseded, and longer ago than the retention.
struct Leftover {
  Catalog::Garbage entry;  ///< Its path stays empty.
  Day day;
  std::string quarantine;
};

/// The two folders that the layout of the store gives a dataset.
std::string table_folder(const Session& session, Dataset dataset) {
  return session.project + "/" + std::string(name_of(dataset)) + "/";
}

std::string staging_folder(const Session& session, const Catalog::Garbage& load) {
  return session.project + "/_staged/" + std::string(name_of(load.dataset)) + "/" + load.load;
}

/// Ended without a version, and does not wait held.
constexpr const char* kUnpublished =
    R"(SELECT l.id, l.ingestion, l.dataset FROM load l
       LEFT JOIN day d ON d.project_id = l.project_id AND d.ingestion = l.ingestion
                      AND d.day = l.day
       WHERE l.project_id = :project AND l.published_seq IS NULL AND l.closed_at IS NOT NULL
         AND COALESCE(d.held_load, '') <> l.id )";

std::vector<Leftover> leftovers(Session& session, Instant cut) {
  std::vector<Leftover> found;
  session.db.query(R"(SELECT id, ingestion, dataset, day, quarantine FROM version
                      WHERE project_id = :project AND superseded_at < :cut AND swept_at IS NULL
                      ORDER BY dataset, seq DESC)",
                   {session.project, cut}, [&](const Row& row) {
                     Leftover& leftover = found.emplace_back();
                     std::string dataset;
                     row.into(leftover.entry.load, leftover.entry.ingestion, dataset, leftover.day,
                              leftover.quarantine);
                     leftover.entry.dataset = dataset_of(dataset);
                   });
  return found;
}

/// Files and quarantine files that retained versions of the same day name.
std::set<std::string> still_named(Session& session, const Leftover& leftover, Instant cut) {
  std::set<std::string> paths;
  const auto collect = [&](const Row& row) {
    std::string path;
    row.into(path);
    paths.insert(path);
  };
  session.db.query(R"(SELECT f.path FROM version v
                      JOIN file f ON f.project_id = v.project_id AND f.version = v.id
                      WHERE v.project_id = :project AND v.ingestion = :ingestion AND v.day = :day
                        AND (v.superseded_at IS NULL OR v.superseded_at >= :cut))",
                   {session.project, leftover.entry.ingestion, leftover.day, cut}, collect);
  session.db.query(R"(SELECT quarantine FROM version
                      WHERE project_id = :project AND ingestion = :ingestion AND day = :day
                        AND (superseded_at IS NULL OR superseded_at >= :cut))",
                   {session.project, leftover.entry.ingestion, leftover.day, cut}, collect);
  return paths;
}

/// Each path once, under the newest version that names it. A version without anything of its own to
/// delete appears with no entry; `condemn` is done with it at once.
std::vector<Catalog::Garbage> of_versions(Session& session, Instant cut,
                                          const std::vector<Leftover>& leftovers) {
  std::vector<Catalog::Garbage> garbage;
  std::set<std::string> listed;
  for (const Leftover& leftover : leftovers) {
    const std::set<std::string> named = still_named(session, leftover, cut);
    const std::string table = table_folder(session, leftover.entry.dataset);
    const auto list = [&](const std::string& folder, const std::string& path) {
      if (path.empty() || named.contains(path)) return;
      if (!listed.insert(folder + path).second) return;
      garbage.emplace_back(leftover.entry).path = folder + path;
    };
    session.db.query(R"(SELECT path FROM file WHERE project_id = :project AND version = :version
                        ORDER BY position)",
                     {session.project, leftover.entry.load}, [&](const Row& row) {
                       std::string path;
                       row.into(path);
                       list(table, path);
                     });
    list("", leftover.quarantine);
  }
  return garbage;
}

/// Rejected loads lie there to be looked at.
void add_unpublished(Session& session, Instant cut, std::vector<Catalog::Garbage>& garbage) {
  session.db.query(std::string(kUnpublished) +
                       R"(AND l.swept_at IS NULL
                          AND NOT (l.attempt = 'rejected' AND COALESCE(d.load, '') = l.id
                                   AND l.closed_at >= :cut)
                          ORDER BY l.id)",
                   {session.project, cut}, [&](const Row& row) {
                     Catalog::Garbage& entry = garbage.emplace_back();
                     std::string dataset;
                     row.into(entry.load, entry.ingestion, dataset);
                     entry.dataset = dataset_of(dataset);
                     entry.path = staging_folder(session, entry);
                     entry.staging = true;
                   });
}

/// From here on nobody can undo to it; with nothing of its own to delete, it is done with.
void condemn_version(Session& session, const std::string& version, bool is_done, Instant now) {
  session.db.run(R"(UPDATE version SET condemned_at = COALESCE(condemned_at, :now)
                    WHERE project_id = :project AND id = :id)",
                 {now, session.project, version});
  if (!is_done) return;
  session.db.run("UPDATE version SET swept_at = :now WHERE project_id = :project AND id = :id",
                 {now, session.project, version});
}

}  // namespace

std::vector<Catalog::Garbage> Catalog::garbage(std::chrono::seconds retention) {
  Transaction view(session_->db, Transaction::Kind::Read);
  const Instant cut = session_->env.now() - retention;
  auto garbage = of_versions(*session_, cut, leftovers(*session_, cut));
  add_unpublished(*session_, cut, garbage);
  return garbage;
}

std::vector<Catalog::Garbage> Catalog::condemn(std::chrono::seconds retention) {
  Session& session = *session_;
  Transaction transaction(session.db);
  const Instant now = session.env.now();
  const Instant cut = now - retention;
  const auto found = leftovers(session, cut);
  auto garbage = of_versions(session, cut, found);
  std::set<std::string> has_files;
  for (const Garbage& entry : garbage) has_files.insert(entry.load);
  for (const Leftover& leftover : found) {
    const std::string& version = leftover.entry.load;
    condemn_version(session, version, !has_files.contains(version), now);
  }
  add_unpublished(session, cut, garbage);
  transaction.commit();
  return garbage;
}

std::vector<std::string> Catalog::old_quarantines(Instant since) {
  std::vector<std::string> paths;
  session_->db.query(R"(SELECT quarantine FROM version
                        WHERE project_id = :project AND quarantine <> ''
                        GROUP BY quarantine HAVING max(published_at) < :since)",
                     {session_->project, since},
                     [&](const Row& row) { row.into(paths.emplace_back()); });
  return paths;
}

void Catalog::forget_quoted_rows(Instant before) {
  Transaction transaction(session_->db);
  session_->db.run(R"(UPDATE load SET error_in_full = ''
                      WHERE project_id = :project AND closed_at < :before
                        AND error_in_full <> '')",
                   {session_->project, before});
  transaction.commit();
}

bool Catalog::is_leftover(const std::string& load) {
  std::string id;
  return session_->db.one(std::string(kUnpublished) + "AND l.id = :load", {session_->project, load},
                          id);
}

void Catalog::mark_swept(const std::vector<std::string>& loads) {
  Session& session = *session_;
  Transaction transaction(session.db);
  const Instant now = session.env.now();
  for (const std::string& load : loads) {
    session.db.run(R"(UPDATE load SET swept_at = :now
                      WHERE project_id = :project AND id = :id AND closed_at IS NOT NULL)",
                   {now, session.project, load});
    session.db.run(R"(UPDATE version SET swept_at = :now,
                                         condemned_at = COALESCE(condemned_at, :condemned)
                      WHERE project_id = :project AND id = :id AND superseded_at IS NOT NULL)",
                   {now, now, session.project, load});
  }
  transaction.commit();
}

}  // namespace millrace::catalog
