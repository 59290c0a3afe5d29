#include "schedule/job.h"

#include <algorithm>
#include <functional>

namespace millrace::schedule {
namespace {

using Kind = Job::Kind;

constexpr Kind kKinds[] = {Kind::Call, Kind::Due, Kind::Backfill};

/// How many of `most` runners jobs of this kind have together with those that may wait longer.
int runners_of(Kind kind, int most) {
  return std::max(1, most - (kind == Kind::Call ? 0 : kind == Kind::Due ? 1 : 2));
}

int reads_of(const std::vector<Job>& jobs, const std::function<bool(const Job&)>& holds) {
  int reads = 0;
  for (const Job& job : jobs) reads += holds(job) ? job.reads : 0;
  return reads;
}

/// How many more reads a job of this kind and connection may bring.
int free_reads(const Job& job, const std::vector<Job>& under_way, int most) {
  int free = most;
  for (const Kind kind : kKinds) {
    if (kind > job.kind) continue;
    const auto is_as_patient = [&](const Job& one) { return one.kind >= kind; };
    free = std::min(free, runners_of(kind, most) - reads_of(under_way, is_as_patient));
  }
  const auto is_there = [&](const Job& one) { return one.connection == job.connection; };
  free = std::min(free, job.reads_most - reads_of(under_way, is_there));
  if (job.kind == Kind::Backfill && job.reads_most > 1) {
    const auto is_backfill = [&](const Job& one) {
      return is_there(one) && one.kind == Kind::Backfill;
    };
    free = std::min(free, job.reads_most - 1 - reads_of(under_way, is_backfill));
  }
  return free;
}

bool may_begin(const Job& job, const std::vector<Job>& under_way, int most) {
  const bool is_under_way = std::ranges::any_of(under_way, [&](const Job& one) {
    return one.ingestion == job.ingestion && one.kind == job.kind;
  });
  return !is_under_way && free_reads(job, under_way, most) > 0;
}

}  // namespace

std::optional<std::size_t> next_job(const std::vector<Job>& waiting,
                                    const std::vector<Job>& under_way, int most) {
  std::optional<std::size_t> next;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    const bool is_later = next && waiting[i].kind >= waiting[*next].kind;
    if (!is_later && may_begin(waiting[i], under_way, most)) next = i;
  }
  return next;
}

int reads_for(const Job& job, const std::vector<Job>& waiting, const std::vector<Job>& under_way,
              int most) {
  if (job.kind != Kind::Backfill) return 1;
  const bool others_wait = std::ranges::any_of(waiting, [&](const Job& one) {
    return one.kind == Kind::Backfill && one.ingestion != job.ingestion;
  });
  return others_wait ? 1 : std::max(1, free_reads(job, under_way, most));
}

}  // namespace millrace::schedule
