#include "notify/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace millrace::notify {
namespace {

std::string counted(std::int64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

/// "2026-11-20", or "3 days, 2026-11-01 to 2026-11-20"
std::string days_text(const Line& line) {
  if (line.days == 1) return line.first.text();
  return fmt::format("{}, {} to {}", counted(line.days, "day"), line.first.text(),
                     line.last.text());
}

std::int64_t ingestions_in(const Message& message) {
  std::set<std::string> names;
  for (const Line& line : message.lines) names.insert(line.ingestion);
  return static_cast<std::int64_t>(names.size()) + message.more;
}

std::int64_t days_in(const Message& message) {
  std::int64_t days = 0;
  for (const Line& line : message.lines) days += line.days;
  return days;
}

/// "purchases", "12 ingestions of shop"
std::string whose(const Message& message) {
  const std::int64_t ingestions = ingestions_in(message);
  if (ingestions == 1) return message.lines.front().ingestion;
  return fmt::format("{} of {}", counted(ingestions, "ingestion"), message.connection);
}

/// "purchases: 2026-11-20", "purchases: 3 days", "12 ingestions of shop"
std::string subject(const Message& message) {
  if (ingestions_in(message) != 1) return whose(message);
  const Line& line = message.lines.front();
  const std::int64_t days = days_in(message);
  return fmt::format("{}: {}", line.ingestion,
                     days == 1 ? line.first.text() : counted(days, "day"));
}

bool is_one(const Message& message) { return ingestions_in(message) == 1 && days_in(message) == 1; }

std::string counts_text(const Counts& counts) {
  std::string text = fmt::format("{} succeeded, {} without data, {} failed", counts.succeeded,
                                 counts.no_data, counts.failed);
  if (counts.held > 0) text += fmt::format(", {} held", counts.held);
  if (counts.recovered > 0) text += fmt::format(", {} recovered", counts.recovered);
  return text;
}

std::string backfill_title(const Message& message) {
  const Counts& counts = message.counts;
  const std::int64_t bad = counts.failed + counts.held;
  const std::int64_t ingestions = ingestions_in(message);
  const std::string whose =
      ingestions == 1 ? message.lines.front().ingestion : counted(ingestions, "ingestion");
  return bad == 0
             ? fmt::format("{}: the backfill of {} is done", whose, counted(counts.total(), "day"))
             : fmt::format("{}: the backfill is done, but for {} of {}", whose, bad,
                           counted(counts.total(), "day"));
}

std::string title(const Message& message) {
  switch (message.kind) {
    case Kind::Failed:
      return subject(message) + " failed";
    case Kind::Held:
      return subject(message) + (is_one(message) ? " is held" : " are held");
    case Kind::NoData:
      return subject(message) + (is_one(message) ? " has no data" : " have no data");
    case Kind::Late:
      return subject(message) + (is_one(message) ? " is late" : " are late");
    case Kind::NotChecked:
      return subject(message) + " cannot be checked";
    case Kind::OverBudget:
      return whose(message) + (ingestions_in(message) == 1 ? " is" : " are") +
             " paused: over budget";
    case Kind::LeftOut:
      return whose(message) + ": days are left out";
    case Kind::Recovered:
      return "Recovered: " + subject(message);
    case Kind::Backfill:
      return backfill_title(message);
    case Kind::Digest:
      return counts_text(message.counts);
    case Kind::Test:
      return "A test: messages of Millrace arrive here";
  }
  throw std::logic_error("a message without a title");
}

std::string failed_lead(const Message& message) {
  const Line& line = message.lines.front();
  if (!line.error) return {};
  return policy_of(line.error->fault).retry
             ? "It is tried again by itself. You hear of it once more, when it is over."
             : "It is tried again once a day, but somebody has to mend it first. What was loaded "
               "before stays as it is.";
}

std::string lead(const Message& message) {
  switch (message.kind) {
    case Kind::Failed:
      return failed_lead(message);
    case Kind::Held:
      return "Its rows were read but not published: what was loaded before stays as it is. It is "
             "looked at again by itself, unless all rows are gone.";
    case Kind::NoData:
      return "The schedule's deadline is over and the warehouse has no rows of it. While it stays "
             "so on the following days, only the daily digest says it.";
    case Kind::Late:
      return "Whatever the reason, it was to be there by now. You hear of it once more, when it "
             "is.";
    case Kind::NotChecked:
      return "For an hour the warehouse could not be asked whether days that are loaded changed. "
             "They "
             "stay as they are, and it is asked again every half hour. You hear of it once more, "
             "when it answers.";
    case Kind::OverBudget:
      return "Nothing of it is loaded or checked until somebody resumes it. What was loaded before "
             "stays as it is. You hear of it once more, when it loads again.";
    case Kind::LeftOut:
      return "These days were never loaded, and lie too far back to be loaded by themselves. You "
             "hear of it once more, when none is left out.";
    case Kind::Backfill:
      return counts_text(message.counts) + ".";
    case Kind::Digest:
      return "Days that ended since the last digest, and how.";
    case Kind::Test:
      return fmt::format("Somebody asked for it with `millrace notify test` at {}.",
                         to_text(message.at));
    case Kind::Recovered:
      return "What you were told of is over; so these days stand now.";
  }
  return {};
}

/// Outcomes of alerts, as `line_of` words them.
constexpr std::string_view kLate = "late", kNotChecked = "not checked", kPaused = "paused",
                           kLeftOut = "left out";

std::string next_step(const Line& line) {
  if (line.error) return line.error->advice;
  if (line.outcome == kLate) {
    return fmt::format(
        "`millrace days {0}` says what became of it, `millrace schedule {0}` when it "
        "is tried next",
        line.ingestion);
  }
  if (line.outcome == kNotChecked) {
    return fmt::format("`millrace check {} --day {}` asks now", line.ingestion, line.first.text());
  }
  if (line.outcome == kPaused) {
    return fmt::format(
        "Raise `rows_per_month` in [ingestion.{0}.limits] and apply it, or wait for the next "
        "month; then `millrace resume {0}`",
        line.ingestion);
  }
  if (line.outcome == kLeftOut) {
    return fmt::format(
        "Load them, if somebody needs them; `millrace days {}` shows all that are "
        "missing",
        line.ingestion);
  }
  if (line.outcome != "held") return {};
  return fmt::format(
      "`millrace load {0} --day {1} --accept` publishes it, `millrace release {0} "
      "--day {1}` forgets it",
      line.ingestion, line.first.text());
}

/// The code ends the first line: below it the customer's SQL may stand, with a caret.
std::string reason(const Error& error) {
  const std::string text = error.what();
  const std::size_t end = std::min(text.find('\n'), text.size());
  return fmt::format("{} [{}]{}", text.substr(0, end), error.code, text.substr(end));
}

std::string filled(std::string link, const Line& line) {
  const std::pair<std::string, std::string> places[] = {
      {"{ingestion}", line.ingestion}, {"{day}", line.first.text()}, {"{run}", line.run}};
  for (const auto& [place, value] : places) {
    for (auto at = link.find(place); at != std::string::npos; at = link.find(place, at)) {
      link.replace(at, place.size(), value);
      at += value.size();
    }
  }
  return link;
}

Item item_of(const Message& message, const Line& line, bool shares_error) {
  Item item;
  item.head = fmt::format("{} {}: {}", line.ingestion, days_text(line), line.outcome);
  if (line.rows > 0) item.head += fmt::format(", {}", counted(line.rows, "row"));
  if (line.rejected > 0) item.head += fmt::format(", {} rejected", line.rejected);
  if (!message.link.empty()) item.link = filled(message.link, line);
  if (shares_error) return item;
  if (line.error) {
    item.what = reason(*line.error);
  } else {
    item.what = line.note;
  }
  item.next = next_step(line);
  return item;
}

/// All lines fail with one code, and there are several.
bool share_an_error(const Message& message) {
  if (message.lines.size() < 2) return false;
  for (const Line& line : message.lines) {
    const auto& first = message.lines.front().error;
    if (!line.error || !first || line.error->code != first->code) return false;
  }
  return true;
}

}  // namespace

Words words_of(const Message& message) {
  Words words;
  words.title = title(message);
  words.lead = lead(message);
  const bool shares = share_an_error(message);
  if (shares) {
    const Line& first = message.lines.front();
    words.what = first.ingestion + ": " + reason(*first.error);
    words.next = first.error->advice;
  }
  for (const Line& line : message.lines) words.items.push_back(item_of(message, line, shares));
  words.foot =
      "Sent by Millrace to owners and subscribers. The days: `millrace days NAME`; what was sent: "
      "`millrace notify list`";
  return words;
}

}  // namespace millrace::notify
