#include <algorithm>
#include <tuple>

#include "model/alert.h"
#include "notify/decide.h"

namespace millrace::notify {
namespace {

/// As many as a person reads.
constexpr std::size_t kLinesMost = 25;

/// What needs a person comes first.
int rank(const Line& line) {
  const std::string_view order[] = {"failed",   "held",        "paused",  "late",
                                    "left out", "not checked", "waiting", "succeeded, no data"};
  const auto* found = std::find(std::begin(order), std::end(order), line.outcome);
  return static_cast<int>(found - std::begin(order));
}

bool says_the_same(const Line& a, const Line& b) {
  const bool same_error =
      a.error ? b.error && a.error->code == b.error->code : !b.error.has_value();
  return a.ingestion == b.ingestion && a.outcome == b.outcome && same_error;
}

}  // namespace

Line line_of(const Subject& subject, const catalog::Ended& ended) {
  Line line;
  line.ingestion = subject.handle;
  line.first = line.last = ended.day;
  line.days = 1;
  line.rows = ended.rows;
  line.rejected = ended.rejected;
  line.run = ended.run;
  DayState state;
  state.attempt = ended.attempt;
  state.current = "this";  // Only whether there is one counts.
  if (ended.held) {
    state.flags = kHeld;
    state.held_load = ended.load;
    line.note = ended.note;
  }
  line.outcome = status_of(state, ended.attempt == Attempt::Empty);
  if (ended.error) {
    line.error = Error(ended.error->fault, ended.error->code,
                       ended.error->text(subject.include_rows), ended.error->advice);
  }
  return line;
}

Line line_of(const Subject& subject, const catalog::Alert& alert) {
  Line line;
  line.ingestion = subject.handle;
  line.outcome = alert.what == kNotFresh     ? "late"
                 : alert.what == kNotChecked ? "not checked"
                 : alert.what == kOverBudget ? "paused"
                                             : "left out";
  line.first = line.last = alert.day;
  line.days = 1;
  line.note = alert.text;
  return line;
}

std::vector<Line> merged(std::vector<Line> lines) {
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return std::tuple(rank(a), a.ingestion, a.first) < std::tuple(rank(b), b.ingestion, b.first);
  });
  std::vector<Line> merged;
  for (Line& line : lines) {
    if (merged.empty() || !says_the_same(merged.back(), line)) {
      merged.push_back(std::move(line));
      continue;
    }
    Line& whole = merged.back();
    whole.first = std::min(whole.first, line.first);
    whole.last = std::max(whole.last, line.last);
    whole.days += line.days;
    whole.rows += line.rows;
    whole.rejected += line.rejected;
    if (whole.error && line.error && line.last >= whole.last) whole.error = line.error;
  }
  return merged;
}

void put_lines(Message& message, std::vector<Line> lines) {
  if (lines.size() > kLinesMost) {
    message.more = static_cast<std::int64_t>(lines.size() - kLinesMost);
    lines.resize(kLinesMost);
  }
  message.lines = std::move(lines);
}

}  // namespace millrace::notify
