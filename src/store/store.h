#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/version.h"
#include "model/work.h"
#include "store/objects.h"

namespace millrace::store {

/// Where each thing lies under the root; every path of the layout is written here and only here.
struct Layout {
  std::string project;
  std::string table(Dataset dataset) const;  ///< <project>/<dataset>
  std::string day_folder(Dataset dataset, const std::string& ingestion, Day day) const;
  /// Relative to the table: ingestion=<id>/day=<day>/<load>-<part>.parquet
  std::string data_file(const std::string& ingestion, Day day, const std::string& load,
                        int part) const;
  std::string staging(Dataset dataset, const std::string& load) const;
  std::string manifest(Dataset dataset, const std::string& load) const;
  std::string publish_record(Dataset dataset, std::int64_t seq) const;
  std::string quarantine(Dataset dataset, const std::string& ingestion, Day day,
                         const std::string& load) const;
};

/// The name under which a file's bytes lie directly in the staging folder: its final name without
/// the folders, which staging does not have.
std::string staged_name(const FileEntry& file);

/// The files of one root. Stages, seals, opens and deletes; knows nothing of which version is
/// current (that is the catalog's). Thread-safe; several processes may share a root.
class Store {
 public:
  /// Makes `_millrace.json` {store_id, format} where there is none; refuses a newer format.
  Store(std::unique_ptr<Objects> objects, std::string project, Env& env);

  const std::string& id() const { return id_; }
  Objects& objects() { return *objects_; }
  const Layout& layout() const { return layout_; }

  /// An empty staging folder for each load; their absolute paths.
  std::vector<std::string> stage(Dataset dataset, const std::vector<std::string>& loads);
  /// What the child sealed: read back from the staging folder, or, once it is settled, from
  /// `_manifest/`; none when it is not sealed.
  std::optional<Manifest> sealed(Dataset dataset, const std::string& load);
  /// Puts `_manifest/<load>.json` of each, moves data files and quarantine to their final names,
  /// and removes the staging folders. Idempotent. A manifest whose files do not belong to its load,
  /// day and ingestion is BadData `foreign_manifest`.
  void settle(Dataset dataset, const std::string& ingestion,
              const std::vector<const Manifest*>& manifests);
  /// Removes the staging folder, and nothing else: what was settled stays for the sweep.
  void discard(Dataset dataset, const std::string& load);

  /// Highest `_publish/<seq>.json` of a dataset; 0 when none.
  std::int64_t highest_publish(Dataset dataset);
  /// Put-if-absent; a different record under the same number is Conflict `publish_record_differs`.
  void put_publish(Dataset dataset,
                   const std::vector<std::pair<std::int64_t, std::string>>& records);
  /// All records in the order of their numbers.
  std::vector<std::pair<std::int64_t, std::string>> publish_records(Dataset dataset);

  /// The store's generation: {n, nonce} of the highest `_millrace/<n>.json`.
  struct Generation {
    std::int64_t number = 0;
    std::string nonce;
  };
  std::optional<Generation> generation();
  /// Put-if-absent, then removes older ones; false when another process was first.
  bool put_generation(const Generation& generation);

 private:
  std::unique_ptr<Objects> objects_;
  Layout layout_;
  std::string id_;
};

/// Seals a staging folder, in the child: fsync of every file named, then of `manifest.json`. Every
/// file must have the size that the manifest says.
void seal(const std::string& staging, const Manifest& manifest);

}  // namespace millrace::store
