#include "schedule/job.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace millrace::schedule {
namespace {

using Kind = Job::Kind;

/// "call a", "due b", "fill c": for this ingestion of connection "shop" with `reads` reads.
Job job(const std::string& text, int reads = 9, const std::string& connection = "shop") {
  const std::string kind = text.substr(0, 4);
  Job job;
  job.kind = kind == "call" ? Kind::Call : kind == "due " ? Kind::Due : Kind::Backfill;
  job.ingestion = text.substr(text.find_last_of(' ') + 1);
  job.connection = connection;
  job.reads_most = reads;
  return job;
}

std::vector<Job> jobs(const std::vector<std::string>& texts, int reads = 9) {
  std::vector<Job> all;
  for (const std::string& text : texts) all.push_back(job(text, reads));
  return all;
}

/// The ingestion whose job begins next; "-" where none may.
std::string next(const std::vector<Job>& waiting, const std::vector<Job>& under_way, int most = 4) {
  const auto place = next_job(waiting, under_way, most);
  return place ? waiting.at(*place).ingestion : "-";
}

}  // namespace

TEST_CASE("calls begin before what is due, and that before backfills, each in its order") {
  CHECK(next(jobs({"fill a", "due b", "due c", "call d", "call e"}), {}) == "d");
  CHECK(next(jobs({"fill a", "due b", "due c"}), {}) == "b");
  CHECK(next(jobs({"fill a"}), {}) == "a");
  CHECK(next({}, {}) == "-");
}

TEST_CASE("however many backfills and due loads hang, a runner is left for who may wait less") {
  CHECK(next(jobs({"fill c"}), jobs({"fill a"})) == "c");
  CHECK(next(jobs({"fill c"}), jobs({"fill a", "fill b"})) == "-");
  CHECK(next(jobs({"fill c", "due d"}), jobs({"fill a", "fill b"})) == "d");
  CHECK(next(jobs({"fill d", "due e"}), jobs({"fill a", "fill b", "due c"})) == "-");
  CHECK(next(jobs({"fill d", "due e"}), jobs({"due a", "due b", "due c"})) == "-");
  CHECK(next(jobs({"due e", "call f"}), jobs({"due a", "due b", "due c"})) == "f");
  CHECK(next(jobs({"call f"}), jobs({"due a", "due b", "due c", "call e"})) == "-");
  // Calls that are many are no reason to keep two more free.
  CHECK(next(jobs({"due d"}), jobs({"call a", "call b", "call c"})) == "d");
  CHECK(next(jobs({"fill b", "due c"}), jobs({"fill a"}), 3) == "c");
  CHECK(next(jobs({"fill b"}), jobs({"fill a"}), 3) == "-");
}

TEST_CASE("a connection is read by no more than it takes, and backfills leave it one") {
  CHECK(next(jobs({"due c"}, 2), jobs({"due a"}, 2)) == "c");
  CHECK(next(jobs({"due c"}, 2), jobs({"due a", "call b"}, 2)) == "-");
  CHECK(next({job("due c", 2, "other")}, jobs({"due a", "call b"}, 2)) == "c");
  CHECK(next(jobs({"fill c"}, 2), jobs({"fill a"}, 2)) == "-");
  CHECK(next(jobs({"due c"}, 2), jobs({"fill a"}, 2)) == "c");
  CHECK(next(jobs({"fill c"}, 3), jobs({"fill a"}, 3)) == "c");
  CHECK(next(jobs({"fill a"}, 1), {}) == "a");
  // What may not begin is passed by.
  CHECK(next({job("due c", 1), job("due d", 1, "other")}, jobs({"due a"}, 1)) == "d");
}

TEST_CASE("a backfill reads more than one day at a time where nobody else would") {
  CHECK(reads_for(job("fill a"), {}, {}, 4) == 2);
  CHECK(reads_for(job("fill a"), {}, {}, 8) == 6);
  CHECK(reads_for(job("fill a", 4), {}, {}, 8) == 3);
  CHECK(reads_for(job("fill a", 1), {}, {}, 8) == 1);
  CHECK(reads_for(job("fill a"), jobs({"due b", "call c"}), jobs({"due d", "due e"}), 8) == 5);
  CHECK(reads_for(job("fill a"), jobs({"fill b"}), {}, 8) == 1);
  CHECK(reads_for(job("call a"), {}, {}, 8) == 1);
  // What it takes counts for those that begin later.
  Job wide = job("fill a");
  wide.reads = 2;
  CHECK(next(jobs({"fill b", "due c"}), {wide}) == "c");
  CHECK(next(jobs({"due d"}), {wide, job("due c")}) == "-");
}

TEST_CASE("an ingestion does one thing of each kind at a time") {
  CHECK(next(jobs({"due a", "due b"}), jobs({"due a"})) == "b");
  CHECK(next(jobs({"call a"}), jobs({"due a", "fill a"})) == "a");
  CHECK(next(jobs({"fill a"}), jobs({"fill a"})) == "-");
}

}  // namespace millrace::schedule
