#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "base/scratch_folder.h"
#include "catalog/catalog.h"

/// What the tests of the catalog start from: a folder, a clock, an ingestion, a version.
namespace millrace::catalog::fixture {

/// Memory where there is some: a kill cannot be told from one on a disk, and it is much faster.
inline std::filesystem::path in_memory() {
  return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path();
}

/// A folder that is gone at the end of the test.
class Folder {
 public:
  explicit Folder(const std::filesystem::path& where = in_memory()) : folder_(where) {}

  std::filesystem::path catalog() const { return folder_.path() / "catalog.db"; }

 private:
  ScratchFolder folder_;
};

/// A clock that moves when told, and by a millisecond whenever it is read.
class Clock : public Env {
 public:
  Instant now() override { return now_ += std::chrono::milliseconds(1); }
  void random(std::span<std::uint8_t> bytes) override { real_env().random(bytes); }
  bool wait(std::chrono::milliseconds time, std::stop_token stop) override {
    now_ += time;
    return real_env().wait(time, stop);
  }
  void pass(std::chrono::microseconds time) { now_ += time; }

 private:
  Instant now_ = instant_from_text("2026-11-24T09:30:00.000000Z");
};

inline Ingestion flights() {
  Ingestion ingestion;
  ingestion.handle = ingestion.name = "flights";
  ingestion.connection = "warehouse";
  ingestion.kind = "files";
  ingestion.definition.query = "select * from flights";
  ingestion.definition.mapping.event_name = {"flown", true};
  ingestion.definition.mapping.timestamp = "time_hour";
  ingestion.definition.mapping.ids = {{"tailnum", "tailnum"}, {"carrier", "carrier"}};
  ingestion.definition.zone = "UTC-8";
  ingestion.managed_by = "file:flights.toml";
  return ingestion;
}

inline Ingestion delays() {
  Ingestion ingestion = flights();
  ingestion.handle = ingestion.name = "delays";
  ingestion.definition.dataset = Dataset::Metrics;
  return ingestion;
}

inline const Day kDay = *Day::parse("2013-01-01");

inline FileEntry file_of(const Lease& lease, int part, std::int64_t rows) {
  return {"ingestion=" + lease.ingestion + "/day=" + lease.day.text() + "/" + lease.load + "-" +
              std::to_string(part) + ".parquet",
          rows * 40, rows, "", R"({"numRecords":)" + std::to_string(rows) + "}"};
}

/// What a load of so many rows publishes: one file, three rejected rows, a fingerprint, a token.
inline Version version_of(const Lease& lease, const Ingestion& ingestion, std::int64_t rows) {
  Version version;
  version.id = lease.load;
  version.ingestion = lease.ingestion;
  version.day = lease.day;
  version.revision = revision_of(ingestion.definition);
  if (rows > 0) version.files = {file_of(lease, 0, rows)};
  for (FileEntry& file : version.files) file.revision = version.revision;
  version.certificate.read = rows + 3;
  version.certificate.loaded = version.certificate.output_rows = rows;
  version.certificate.rejected = 3;
  version.certificate.rejected_by_reason = {{"no_id", 3}};
  version.fingerprint = Fingerprint{"v1/postgres 15/a:int", rows + 3, "123456789", {}};
  version.token = "lsn:" + std::to_string(rows);
  return version;
}

inline Lease begin(Catalog& catalog, const Ingestion& ingestion, Day day = kDay) {
  return catalog.begin_load(ingestion.id, day, revision_of(ingestion.definition), "run-1",
                            "manual");
}

/// Loads and publishes a day; the version's id.
inline std::string load_day(Catalog& catalog, const Ingestion& ingestion, std::int64_t rows,
                            Day day = kDay) {
  const Lease lease = begin(catalog, ingestion, day);
  catalog.publish(lease, version_of(lease, ingestion, rows), 0, "");
  return lease.load;
}

inline Manifest manifest_of(const Lease& lease, const Ingestion& ingestion, std::int64_t rows) {
  const Version version = version_of(lease, ingestion, rows);
  Manifest manifest;
  manifest.load = lease.load;
  manifest.day = lease.day;
  manifest.revision = version.revision;
  manifest.files = version.files;
  manifest.certificate = version.certificate;
  manifest.fingerprint = version.fingerprint;
  return manifest;
}

/// Runs `work` in another process; its exit code. SQLite forbids to take an open connection along:
/// call it while no catalog is open here.
inline pid_t start_child(const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  try {
    work();
  } catch (...) {
    ::_exit(1);
  }
  ::_exit(0);
}

inline int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

inline int in_child(const std::function<void()>& work) { return wait_for(start_child(work)); }

/// A pipe through which two processes wait for each other.
struct Signal {
  Signal() { check(::pipe(ends) == 0, "a pipe opens"); }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  void give() const { check(::write(ends[1], "x", 1) == 1, "a pipe takes a byte"); }
  void await() const {
    char byte = 0;
    check(::read(ends[0], &byte, 1) == 1, "a pipe gives a byte");
  }

  int ends[2];
};

/// The code of the Error that `work` throws; empty when it throws none.
inline std::string code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code;
  }
  return {};
}

inline std::string text_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace millrace::catalog::fixture
