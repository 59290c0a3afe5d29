#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "catalog/catalog.h"
#include "definition/files.h"
#include "pipeline/house.h"
#include "store/store.h"

namespace millrace::cli {

/// A home folder and what it opens, each when first asked for: a question opens the catalog only to
/// read, and nothing opens the engine that does not need it. One thread.
class Home {
 public:
  explicit Home(std::filesystem::path path) : path_(std::move(path)) {}

  /// `--home`, $MILLRACE_HOME, the nearest millrace.toml upwards, else ~/.millrace.
  static std::filesystem::path find(const std::string& given);

  /// Who changes something, for the audit log; else it is the shell's user.
  void act_as(const catalog::Actor& actor) { actor_ = actor; }

  const std::filesystem::path& path() const { return path_; }
  bool exists() const;
  const definition::Configuration& configuration();
  /// For questions.
  catalog::Catalog& reading();
  /// For changes: claims the store first.
  catalog::Catalog& writing();
  store::Store& store();
  pipeline::House& house(bool write);
  std::filesystem::path catalog_path();

 private:
  void require();
  std::filesystem::path path_;
  std::optional<catalog::Actor> actor_;
  std::optional<definition::Configuration> configuration_;
  std::unique_ptr<catalog::Catalog> catalog_;
  bool writable_ = false;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<pipeline::House> house_;
};

}  // namespace millrace::cli
