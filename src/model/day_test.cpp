#include "model/day.h"

#include <cstdlib>
#include <ctime>

#include <doctest/doctest.h>

#include "base/error.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

Day day(const char* text) { return Day::parse(text).value(); }

Instant utc(const char* text) { return instant_from_text(text); }

/// A wall-clock time, written like an instant.
Naive wall(const char* text) { return Naive(utc(text).time_since_epoch()); }

std::string start_of(const char* zone, const char* label) {
  return to_text(Zone::named(zone).bounds(day(label)).start);
}

TEST_CASE("a day label is ISO text and nothing else") {
  CHECK(day("2026-11-20").text() == "2026-11-20");
  CHECK(day("2024-02-29").plus(1).text() == "2024-03-01");
  CHECK(day("1969-12-31").plus(1).text() == "1970-01-01");
  for (const char* wrong : {"2026-02-30", "2026-11-2", "2026/11/20", "20261120", " 2026-11-20",
                            "2026-11-20T00:00:00Z", "2026-1a-20", "-026-11-20", ""}) {
    CAPTURE(std::string(wrong));
    CHECK(!Day::parse(wrong));
  }
}

TEST_CASE("a range holds both its ends") {
  const DayRange range{day("2026-02-27"), day("2026-03-01")};
  CHECK(range.size() == 3);
  REQUIRE(range.days().size() == 3);
  CHECK(range.days()[1].text() == "2026-02-28");
}

TEST_CASE("a fixed zone starts its days at the offset, summer and winter") {
  CHECK(start_of("UTC", "2026-07-01") == "2026-07-01T00:00:00.000000Z");
  CHECK(start_of("UTC-8", "2026-07-01") == "2026-07-01T08:00:00.000000Z");
  CHECK(start_of("UTC-8", "2026-12-01") == "2026-12-01T08:00:00.000000Z");
  CHECK(start_of("UTC+05:30", "2026-07-01") == "2026-06-30T18:30:00.000000Z");
  CHECK(Zone() == Zone::named("UTC"));
}

TEST_CASE("different spellings of an offset are one zone") {
  CHECK(Zone::named("UTC-08:00").name() == "UTC-8");
  CHECK(Zone::named("UTC-08") == Zone::named("UTC-8"));
  CHECK(Zone::named("UTC+5:30").name() == "UTC+05:30");
  CHECK(Zone::named("UTC-0").name() == "UTC");
}

TEST_CASE("an unknown zone is refused with the nearest name") {
  try {
    Zone::named("Europe/Berlni");
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.fault == Fault::Misconfigured);
    CHECK(error.code == "unknown_zone");
    CHECK(std::string(error.what()) ==
          "no time zone is called \"Europe/Berlni\"; did you mean \"Europe/Berlin\"?");
    CHECK(!error.advice.empty());
  }
  for (const char* wrong : {"UTC-15", "UTC+14:01", "UTC8", "UTC-", "UTC-8:5", "UTC-8:60", "PST",
                            "right/UTC", "../UTC", ""}) {
    CAPTURE(std::string(wrong));
    CHECK_THROWS_AS(Zone::named(wrong), Error);
  }
}

TEST_CASE("days of an IANA zone follow summer time") {
  CHECK(start_of("America/Los_Angeles", "2026-03-08") == "2026-03-08T08:00:00.000000Z");
  CHECK(start_of("America/Los_Angeles", "2026-03-09") == "2026-03-09T07:00:00.000000Z");
  CHECK(start_of("America/Los_Angeles", "2026-11-01") == "2026-11-01T07:00:00.000000Z");
  CHECK(start_of("America/Los_Angeles", "2026-11-02") == "2026-11-02T08:00:00.000000Z");
  CHECK(start_of("Australia/Lord_Howe", "2026-04-05") == "2026-04-04T13:00:00.000000Z");
  CHECK(start_of("Australia/Lord_Howe", "2026-04-06") == "2026-04-05T13:30:00.000000Z");
}

TEST_CASE("summer time goes on after 2037, where the system's lists of jumps end") {
  CHECK(start_of("America/Los_Angeles", "2045-07-01") == "2045-07-01T07:00:00.000000Z");
  CHECK(start_of("America/Los_Angeles", "2045-12-01") == "2045-12-01T08:00:00.000000Z");
  CHECK(start_of("Australia/Lord_Howe", "2045-01-01") == "2044-12-31T13:00:00.000000Z");
}

TEST_CASE("a day whose midnight is skipped starts at the jump") {
  const Zone zone = Zone::named("America/Sao_Paulo");
  const Interval bounds = zone.bounds(day("2018-11-04"));
  CHECK(to_text(bounds.start) == "2018-11-04T03:00:00.000000Z");
  CHECK(bounds.end - bounds.start == 23h);
  CHECK(zone.day_of(bounds.start) == day("2018-11-04"));
  CHECK(zone.day_of(bounds.start - 1us) == day("2018-11-03"));
}

TEST_CASE("a day that a zone never had is empty") {
  const Zone zone = Zone::named("Pacific/Apia");
  const Interval skipped = zone.bounds(day("2011-12-30"));
  CHECK(to_text(skipped.start) == "2011-12-30T10:00:00.000000Z");
  CHECK(skipped.start == skipped.end);
  CHECK(zone.day_of(skipped.start) == day("2011-12-31"));
  CHECK(zone.day_of(skipped.start - 1us) == day("2011-12-29"));
  CHECK(zone.naive(skipped).start == zone.naive(skipped).end);
}

TEST_CASE("a repeated time is its first occurrence, a skipped one the instant of the jump") {
  const Zone zone = Zone::named("Europe/Berlin");
  CHECK(zone.instant_of(wall("2026-10-25T02:30:00Z")) == utc("2026-10-25T00:30:00Z"));
  CHECK(zone.instant_of(wall("2026-10-25T03:00:00Z")) == utc("2026-10-25T02:00:00Z"));
  CHECK(zone.instant_of(wall("2026-03-29T02:00:00Z")) == utc("2026-03-29T01:00:00Z"));
  CHECK(zone.instant_of(wall("2026-03-29T02:59:59Z")) == utc("2026-03-29T01:00:00Z"));
  CHECK(zone.instant_of(wall("2026-03-29T03:00:01Z")) == utc("2026-03-29T01:00:01Z"));
}

TEST_CASE("a naive interval is cut in the column's zone, wherever the day comes from") {
  const Interval pacific = Zone::named("UTC-8").bounds(day("2026-03-29"));
  const auto berlin = Zone::named("Europe/Berlin").naive(pacific);
  CHECK(berlin.start == wall("2026-03-29T10:00:00Z"));
  CHECK(berlin.end == wall("2026-03-30T10:00:00Z"));
  const Interval jump{utc("2026-03-29T01:00:00Z"), utc("2026-03-29T01:00:00.000001Z")};
  const auto gap = Zone::named("Europe/Berlin").naive(jump);
  CHECK(gap.start == wall("2026-03-29T02:00:00Z"));
  CHECK(gap.end == wall("2026-03-29T03:00:00.000001Z"));
}

/// What a reader of `spans` computes.
Instant by_spans(const std::vector<OffsetSpan>& spans, Naive naive) {
  for (const OffsetSpan& span : spans) {
    if (naive >= span.until) continue;
    const Instant instant(naive.time_since_epoch() - span.offset);
    return span.floor ? std::max(instant, *span.floor) : instant;
  }
  FAIL("no span serves it");
  return {};
}

struct Jump {
  const char* zone;
  const char* at;
};

// Ordinary jumps, half an hour, midnight gaps and repeats, the date line, double summer time, a
// jump to another base offset, and years without a listed jump.
constexpr Jump kJumps[] = {
    {"America/Los_Angeles", "2026-03-08T10:00:00Z"},
    {"America/Los_Angeles", "2026-11-01T09:00:00Z"},
    {"America/Los_Angeles", "2061-11-06T09:00:00Z"},
    {"Europe/Berlin", "2026-03-29T01:00:00Z"},
    {"Europe/Berlin", "2026-10-25T01:00:00Z"},
    {"Europe/Berlin", "1945-05-24T00:00:00Z"},
    {"Australia/Lord_Howe", "2026-04-04T15:00:00Z"},
    {"Australia/Lord_Howe", "2026-10-03T15:30:00Z"},
    {"America/Sao_Paulo", "2018-11-04T03:00:00Z"},
    {"America/Sao_Paulo", "2018-02-18T02:00:00Z"},
    {"America/Havana", "2026-03-08T05:00:00Z"},
    {"America/Havana", "2026-11-01T05:00:00Z"},
    {"Pacific/Apia", "2011-12-30T10:00:00Z"},
    {"Pacific/Kwajalein", "1993-08-21T12:00:00Z"},
    {"America/Juneau", "1867-10-19T00:31:13Z"},
    {"Asia/Manila", "1844-12-31T15:55:52Z"},
    {"Africa/Monrovia", "1972-01-07T00:44:30Z"},
    {"Asia/Pyongyang", "2015-08-14T15:00:00Z"},
    {"Europe/Dublin", "2026-10-25T01:00:00Z"},
    {"America/Nuuk", "2026-03-29T01:00:00Z"},
    {"Africa/Casablanca", "2026-02-15T02:00:00Z"},
    {"Asia/Kolkata", "2026-07-01T00:00:00Z"},
    {"America/St_Johns", "2006-10-29T02:31:00Z"},
    {"UTC-8", "2026-03-08T10:00:00Z"},
};

TEST_CASE("around every kind of jump the days partition instants and naive times") {
  for (const Jump& jump : kJumps) {
    CAPTURE(std::string(jump.zone));
    CAPTURE(std::string(jump.at));
    const Zone zone = Zone::named(jump.zone);
    const Day middle = zone.day_of(utc(jump.at));
    for (Day label = middle.plus(-3); label <= middle.plus(3); label = label.plus(1)) {
      const Interval bounds = zone.bounds(label);
      CHECK(bounds.start <= bounds.end);
      CHECK(bounds.end == zone.bounds(label.plus(1)).start);
      const auto naive = zone.naive(bounds);
      const auto spans = zone.spans(bounds);
      CHECK(spans.back().until == Naive::max());
      CHECK(naive.end == zone.naive(zone.bounds(label.plus(1))).start);
      CAPTURE(label.text());
      int wrong = 0;
      Instant last = Instant::min();
      const auto look_at = [&](Naive time) {
        const Instant instant = zone.instant_of(time);
        const bool inside = instant >= bounds.start && instant < bounds.end;
        wrong += instant < last;
        wrong += inside != (time >= naive.start && time < naive.end);
        wrong += inside != (zone.day_of(instant) == label);
        const Instant spanned = by_spans(spans, time);
        const bool near = time > naive.start - 48h && time < naive.end + 48h;
        if (near) wrong += spanned != instant;
        wrong += inside != (spanned >= bounds.start && spanned < bounds.end);
        last = instant;
      };
      const Naive from(utc(jump.at).time_since_epoch() - 144h);
      for (Naive time = from; time < from + 288h; time += 20min) {
        if (zone.instant_of(time - 1us) < last) ++wrong;
        look_at(time - 1us);
        look_at(time);
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("every instant belongs to the day whose bounds hold it") {
  for (const Jump& jump : kJumps) {
    CAPTURE(std::string(jump.zone));
    CAPTURE(std::string(jump.at));
    const Zone zone = Zone::named(jump.zone);
    int wrong = 0;
    for (Instant at = utc(jump.at) - 72h; at < utc(jump.at) + 72h; at += 5min) {
      for (const Instant instant : {at - 1us, at}) {
        const Interval bounds = zone.bounds(zone.day_of(instant));
        wrong += instant < bounds.start || instant >= bounds.end;
      }
    }
    CHECK(wrong == 0);
  }
}

/// The C library's opinion: it reads the same data with other code.
class LocalTime {
 public:
  explicit LocalTime(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }
  LocalTime(const LocalTime&) = delete;
  LocalTime& operator=(const LocalTime&) = delete;
  ~LocalTime() {
    unsetenv("TZ");
    tzset();
  }
  Naive operator()(sys_seconds instant) const {
    const std::time_t time = instant.time_since_epoch().count();
    std::tm fields{};
    localtime_r(&time, &fields);
    return Naive(seconds(time + fields.tm_gmtoff));
  }
};

TEST_CASE("our offsets are those of the C library from 1900 to 2100") {
  for (const char* name :
       {"America/Los_Angeles", "Europe/Berlin", "Europe/Dublin", "Australia/Lord_Howe",
        "America/Sao_Paulo", "Pacific/Apia", "America/Nuuk", "Asia/Gaza", "Asia/Kolkata",
        "Asia/Tehran", "Africa/Casablanca", "America/Santiago", "Antarctica/Troll"}) {
    CAPTURE(std::string(name));
    const Zone zone = Zone::named(name);
    const LocalTime local(name);
    int wrong = 0, repeated = 0, looked = 0;
    const sys_seconds last = std::chrono::sys_days(std::chrono::January / 1 / 2100);
    for (sys_seconds at = std::chrono::sys_days(std::chrono::January / 1 / 1900); at < last;
         at += 19h + 13min) {
      ++looked;
      const Naive naive = local(at);
      const Instant ours = zone.instant_of(naive);
      if (ours == at) continue;
      // The second occurrence of a repeated time is taken for the first.
      const bool second = ours < at && local(std::chrono::floor<seconds>(ours)) == naive;
      ++(second ? repeated : wrong);
    }
    CHECK(wrong == 0);
    CHECK(repeated * 1000 < looked);
  }
}

}  // namespace
}  // namespace millrace
