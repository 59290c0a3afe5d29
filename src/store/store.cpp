#include "store/store.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "model/json.h"

namespace millrace::store {
namespace {

constexpr int kFormat = 1;
constexpr const char* kIdentity = "_millrace.json";
constexpr const char* kGenerations = "_millrace";
constexpr const char* kManifest = "manifest.json";

/// The number of `<number>.json`; none for any other name.
std::optional<std::int64_t> numbered(std::string_view name) {
  if (!name.ends_with(".json")) return {};
  name.remove_suffix(5);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number < 0) return {};
  return number;
}

std::string generation_path(std::int64_t number) {
  return fmt::format("{}/{}.json", kGenerations, number);
}

/// The store's id from `_millrace.json`, which the first process to come writes.
std::string identify(Objects& objects, Env& env) {
  auto text = objects.get(kIdentity);
  if (!text) {
    const json::Value fresh{{"store_id", new_id(env)}, {"format", kFormat}};
    objects.put_if_absent(kIdentity, fresh.dump(2) + "\n");
    text = objects.get(kIdentity);
  }
  const std::string place = objects.address(kIdentity);
  if (!text) {
    throw Error(Fault::Unavailable, "store_unavailable",
                fmt::format("reading {} failed: it is gone again", place));
  }
  const json::Value identity = json::parse(*text, place);
  const bool is_ours = identity.is_object() && identity.contains("store_id") &&
                       identity["store_id"].is_string() && identity.value("format", 0) > 0;
  if (!is_ours) {
    throw Error(Fault::Misconfigured, "not_a_store",
                fmt::format("{} does not describe a Millrace store", place),
                "Point [store] root at another folder, or restore that file");
  }
  if (const int format = identity["format"].get<int>(); format > kFormat) {
    throw Error(Fault::Conflict, "newer_store",
                fmt::format("the store {} has format {}, and this Millrace knows format {}", place,
                            format, kFormat),
                "Use the newer Millrace that wrote it");
  }
  return identity["store_id"].get<std::string>();
}

void require_own_files(const Layout& layout, const std::string& ingestion,
                       const Manifest& manifest) {
  const std::string own = layout.data_file(ingestion, manifest.day, manifest.load, 0);
  const std::string stem = own.substr(0, own.size() - std::string_view("0.parquet").size());
  for (const FileEntry& file : manifest.files) {
    const bool in_folder = file.path.starts_with(stem) && file.path.ends_with(".parquet") &&
                           file.path.find('/', stem.size()) == std::string::npos;
    if (in_folder) continue;
    throw Error(Fault::BadData, "foreign_manifest",
                fmt::format("the manifest of load {} names the file {}, which is not one of its "
                            "own ({}…)",
                            manifest.load, file.path, stem));
  }
}

}  // namespace

Store::Store(std::unique_ptr<Objects> objects, std::string project, Env& env)
    : objects_(std::move(objects)),
      layout_{.project = std::move(project)},
      id_(identify(*objects_, env)) {}

std::vector<std::string> Store::stage(Dataset dataset, const std::vector<std::string>& loads) {
  std::vector<std::string> folders;
  for (const std::string& load : loads) folders.push_back(layout_.staging(dataset, load));
  return objects_->make_folders(folders);
}

std::optional<Manifest> Store::sealed(Dataset dataset, const std::string& load) {
  for (const std::string& path :
       {layout_.staging(dataset, load) + "/" + kManifest, layout_.manifest(dataset, load)}) {
    if (const auto text = objects_->get(path)) return json::manifest(json::parse(*text, path));
  }
  return {};
}

void Store::settle(Dataset dataset, const std::string& ingestion,
                   const std::vector<const Manifest*>& manifests) {
  std::vector<Object> texts;
  std::vector<std::pair<std::string, std::string>> moves;
  for (const Manifest* manifest : manifests) {
    require_own_files(layout_, ingestion, *manifest);
    texts.push_back(
        {layout_.manifest(dataset, manifest->load), json::from(*manifest).dump() + "\n"});
    const std::string staging = layout_.staging(dataset, manifest->load) + "/";
    for (const FileEntry& file : manifest->files) {
      moves.emplace_back(staging + staged_name(file), layout_.table(dataset) + "/" + file.path);
    }
    if (!manifest->quarantine.empty()) {
      moves.emplace_back(staging + manifest->quarantine,
                         layout_.quarantine(dataset, ingestion, manifest->day, manifest->load));
    }
  }
  // First the manifests: whatever a crash leaves after them can be told from a stranger's files.
  objects_->put_if_absent(texts);
  objects_->move(moves);
  for (const Manifest* manifest : manifests) discard(dataset, manifest->load);
}

void Store::discard(Dataset dataset, const std::string& load) {
  objects_->remove_folder(layout_.staging(dataset, load));
}

std::int64_t Store::highest_publish(Dataset dataset) {
  std::int64_t highest = 0;
  for (const std::string& name : objects_->names(layout_.table(dataset) + "/_publish")) {
    highest = std::max(highest, numbered(name).value_or(0));
  }
  return highest;
}

void Store::put_publish(Dataset dataset,
                        const std::vector<std::pair<std::int64_t, std::string>>& records) {
  std::vector<Object> texts;
  for (const auto& [seq, record] : records) {
    texts.push_back({layout_.publish_record(dataset, seq), record});
  }
  const std::vector<bool> created = objects_->put_if_absent(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (created[i] || objects_->get(texts[i].path) == texts[i].bytes) continue;
    throw Error(
        Fault::Conflict, "publish_record_differs",
        fmt::format("writing publish record {} of {} failed: the store holds a different one",
                    records[i].first, name_of(dataset)),
        "Another catalog has written to this store; see `millrace doctor`, and never run two "
        "homes on one root");
  }
}

std::vector<std::pair<std::int64_t, std::string>> Store::publish_records(Dataset dataset) {
  std::vector<std::pair<std::int64_t, std::string>> records;
  const std::string folder = layout_.table(dataset) + "/_publish";
  for (const std::string& name : objects_->names(folder)) {
    const auto seq = numbered(name);
    if (!seq) continue;
    if (auto text = objects_->get(folder + "/" + name))
      records.emplace_back(*seq, std::move(*text));
  }
  std::ranges::sort(records);
  return records;
}

std::optional<Store::Generation> Store::generation() {
  std::int64_t highest = 0;
  for (const std::string& name : objects_->names(kGenerations)) {
    highest = std::max(highest, numbered(name).value_or(0));
  }
  if (highest == 0) return {};
  const auto text = objects_->get(generation_path(highest));
  if (!text) return generation();  // A newer one was put and this one removed: look again.
  const json::Value value = json::parse(*text, objects_->address(generation_path(highest)));
  return Generation{.number = highest, .nonce = value.value("nonce", "")};
}

bool Store::put_generation(const Generation& generation) {
  const json::Value value{{"number", generation.number}, {"nonce", generation.nonce}};
  if (!objects_->put_if_absent(generation_path(generation.number), value.dump() + "\n")) {
    return false;
  }
  bool was_overtaken = false;
  for (const std::string& name : objects_->names(kGenerations)) {
    const auto number = numbered(name);
    if (!number || *number == generation.number) continue;
    if (*number > generation.number) was_overtaken = true;
    if (*number < generation.number) objects_->remove(std::string(kGenerations) + "/" + name);
  }
  // Our number was free again because somebody already went past it.
  if (was_overtaken) objects_->remove(generation_path(generation.number));
  return !was_overtaken;
}

void seal(const std::string& staging, const Manifest& manifest) {
  const std::filesystem::path folder(staging);
  for (const FileEntry& file : manifest.files) {
    const auto path = folder / staged_name(file);
    file::sync(path);
    const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
    if (bytes != file.bytes) {
      throw Error(Fault::Unavailable, "staged_file_differs",
                  fmt::format("sealing {} failed: it has {} bytes, and {} were written",
                              path.string(), bytes, file.bytes));
    }
  }
  if (!manifest.quarantine.empty()) file::sync(folder / manifest.quarantine);
  // Syncs the names of the others, too; until then the parent knows of none.
  file::write(folder / kManifest, json::from(manifest).dump() + "\n");
}

}  // namespace millrace::store
