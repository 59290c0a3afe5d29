#include "store/store.h"

#include <fstream>

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/scratch_folder.h"

using namespace millrace;
using store::local_folder;
using store::Store;

namespace {

const std::string kLoad = "01981d3c-0000-7000-8000-000000000001";
const std::string kIngestion = "01981d3c-0000-7000-8000-0000000000aa";
const Day kDay = *Day::parse("2026-11-20");

std::string code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code;
  }
  return "nothing was thrown";
}

/// A load's manifest with one data file of three bytes, and its bytes in staging.
Manifest stage_one(Store& store) {
  const std::string staging = store.stage(Dataset::Events, {kLoad}).front();
  Manifest manifest;
  manifest.load = kLoad;
  manifest.day = kDay;
  manifest.revision = "r-1";
  manifest.files = {{.path = store.layout().data_file(kIngestion, kDay, kLoad, 0),
                     .bytes = 3,
                     .rows = 1,
                     .revision = "r-1",
                     .stats = {}}};
  manifest.quarantine = "quarantine.parquet";
  std::ofstream(staging + "/" + store::staged_name(manifest.files[0])) << "abc";
  std::ofstream(staging + "/quarantine.parquet") << "rejected";
  return manifest;
}

}  // namespace

TEST_CASE("every process that opens a root sees the one id that the first gave it") {
  const ScratchFolder root;
  const std::string id = Store(local_folder(root.path()), "default", real_env()).id();
  CHECK(id.size() == 36);
  CHECK(Store(local_folder(root.path()), "default", real_env()).id() == id);
}

TEST_CASE("a store of a newer format, or no store at all, is refused") {
  const ScratchFolder root;
  const auto open = [&] { Store(local_folder(root.path()), "default", real_env()); };
  local_folder(root.path())->put("_millrace.json", R"({"store_id":"x","format":2})");
  CHECK(code_of(open) == "newer_store");
  local_folder(root.path())->put("_millrace.json", R"({"unrelated":true})");
  CHECK(code_of(open) == "not_a_store");
}

TEST_CASE("the layout is the one that documents promise") {
  const store::Layout layout{.project = "default"};
  CHECK(layout.table(Dataset::EntityProperties) == "default/entity_properties");
  CHECK(layout.day_folder(Dataset::Events, "i", kDay) ==
        "default/events/ingestion=i/day=2026-11-20");
  CHECK(layout.data_file("i", kDay, "l", 2) == "ingestion=i/day=2026-11-20/l-2.parquet");
  CHECK(layout.staging(Dataset::Events, "l") == "default/_staged/events/l");
  CHECK(layout.manifest(Dataset::Events, "l") == "default/events/_manifest/l.json");
  CHECK(layout.publish_record(Dataset::Metrics, 17) ==
        "default/metrics/_publish/00000000000000000017.json");
  CHECK(layout.quarantine(Dataset::Events, "i", kDay, "l") ==
        "default/quarantine/events/ingestion=i/day=2026-11-20/l.parquet");
}

TEST_CASE("a load counts as sealed only once its manifest is there") {
  const ScratchFolder root;
  Store store(local_folder(root.path()), "default", real_env());
  const Manifest manifest = stage_one(store);
  CHECK_FALSE(store.sealed(Dataset::Events, kLoad).has_value());
  const auto staging = store.objects().address(store.layout().staging(Dataset::Events, kLoad));
  store::seal(staging, manifest);
  const auto sealed = store.sealed(Dataset::Events, kLoad);
  REQUIRE(sealed.has_value());
  CHECK(sealed->load == kLoad);
  CHECK(sealed->day == kDay);
  CHECK(sealed->files == manifest.files);
}

TEST_CASE("a file that lost bytes, or is missing, cannot be sealed") {
  const ScratchFolder root;
  Store store(local_folder(root.path()), "default", real_env());
  Manifest manifest = stage_one(store);
  const auto staging = store.objects().address(store.layout().staging(Dataset::Events, kLoad));
  manifest.files[0].bytes = 4;
  CHECK(code_of([&] { store::seal(staging, manifest); }) == "staged_file_differs");
  manifest.files[0].bytes = 3;
  manifest.quarantine = "nowhere.parquet";
  CHECK(code_of([&] { store::seal(staging, manifest); }) == "no_such_file");
  CHECK_FALSE(store.sealed(Dataset::Events, kLoad).has_value());
}

TEST_CASE("settling gives files their final names, and can be repeated after a crash") {
  const ScratchFolder root;
  Store store(local_folder(root.path()), "default", real_env());
  const Manifest manifest = stage_one(store);
  const auto staging = store.objects().address(store.layout().staging(Dataset::Events, kLoad));
  store::seal(staging, manifest);
  for (int attempt = 0; attempt < 2; ++attempt) {
    store.settle(Dataset::Events, kIngestion, {&manifest});
    CHECK(store.objects().get("default/events/" + manifest.files[0].path) == "abc");
    CHECK(store.objects().get(
              store.layout().quarantine(Dataset::Events, kIngestion, kDay, kLoad)) == "rejected");
    CHECK(store.objects().list("default/_staged").empty());
    CHECK(store.sealed(Dataset::Events, kLoad)->files == manifest.files);
  }
}

TEST_CASE("a manifest that names another load's or day's file is refused") {
  const ScratchFolder root;
  Store store(local_folder(root.path()), "default", real_env());
  const Manifest good = stage_one(store);
  const auto& layout = store.layout();
  for (const std::string& path :
       {layout.data_file(kIngestion, kDay.plus(1), kLoad, 0),
        layout.data_file("another", kDay, kLoad, 0), layout.data_file(kIngestion, kDay, "other", 0),
        layout.data_file(kIngestion, kDay, kLoad, 0) + "/../../x.parquet",
        std::string("../../catalog.db")}) {
    CAPTURE(path);
    Manifest bad = good;
    bad.files[0].path = path;
    CHECK(code_of([&] { store.settle(Dataset::Events, kIngestion, {&bad}); }) ==
          "foreign_manifest");
  }
  CHECK(store.objects().list("default/events").empty());
}

TEST_CASE("discarding removes what was staged and nothing that is settled") {
  const ScratchFolder root;
  Store store(local_folder(root.path()), "default", real_env());
  const Manifest manifest = stage_one(store);
  store.settle(Dataset::Events, kIngestion, {&manifest});
  stage_one(store);
  store.discard(Dataset::Events, kLoad);
  store.discard(Dataset::Events, kLoad);
  CHECK(store.objects().list("default/_staged").empty());
  CHECK(store.objects().exists("default/events/" + manifest.files[0].path));
}

TEST_CASE("publish records come back in the order of their numbers") {
  const ScratchFolder root;
  Store store(local_folder(root.path()), "default", real_env());
  CHECK(store.highest_publish(Dataset::Events) == 0);
  store.put_publish(Dataset::Events, {{2, "record 2"}, {10, "record 10"}});
  store.put_publish(Dataset::Events, {{1, "record 1"}, {10, "record 10"}});
  CHECK(code_of([&] { store.put_publish(Dataset::Events, {{10, "another"}}); }) ==
        "publish_record_differs");
  CHECK(store.highest_publish(Dataset::Events) == 10);
  CHECK(store.highest_publish(Dataset::Metrics) == 0);
  const auto records = store.publish_records(Dataset::Events);
  REQUIRE(records.size() == 3);
  CHECK(records[0] == std::pair<std::int64_t, std::string>(1, "record 1"));
  CHECK(records[1].first == 2);
  CHECK(records[2] == std::pair<std::int64_t, std::string>(10, "record 10"));
}

TEST_CASE("a generation is taken once, and an overtaken one is not taken at all") {
  const ScratchFolder root;
  Store store(local_folder(root.path()), "default", real_env());
  CHECK_FALSE(store.generation().has_value());
  CHECK(store.put_generation({.number = 1, .nonce = "a"}));
  CHECK_FALSE(store.put_generation({.number = 1, .nonce = "b"}));
  CHECK(store.put_generation({.number = 2, .nonce = "c"}));
  CHECK(store.generation()->number == 2);
  CHECK(store.generation()->nonce == "c");
  CHECK(store.objects().names("_millrace") == std::vector<std::string>{"2.json"});
  // Generation 1 was removed, so its name is free again for a process that slept through it.
  CHECK_FALSE(store.put_generation({.number = 1, .nonce = "late"}));
  CHECK(store.generation()->number == 2);
  CHECK(store.objects().names("_millrace") == std::vector<std::string>{"2.json"});
}
