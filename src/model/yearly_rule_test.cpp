#include "model/yearly_rule.h"

#include <doctest/doctest.h>

#include "base/env.h"

namespace millrace {
namespace {

std::pair<std::string, std::string> jumps(const char* rule, int year) {
  const auto [begins, ends] = YearlyRule::parse(rule).value().jumps(std::chrono::year(year));
  return {to_text(begins), to_text(ends)};
}

TEST_CASE("a rule tells when summer time begins and ends in a year") {
  CHECK(jumps("PST8PDT,M3.2.0,M11.1.0", 2045) ==
        std::pair<std::string, std::string>("2045-03-12T10:00:00.000000Z",
                                            "2045-11-05T09:00:00.000000Z"));
  CHECK(jumps("CET-1CEST,M3.5.0,M10.5.0/3", 2040) ==
        std::pair<std::string, std::string>("2040-03-25T01:00:00.000000Z",
                                            "2040-10-28T01:00:00.000000Z"));
}

TEST_CASE("half hours, bracketed names, negative and very late hours are understood") {
  CHECK(jumps("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2040) ==
        std::pair<std::string, std::string>("2040-10-06T15:30:00.000000Z",
                                            "2040-03-31T15:00:00.000000Z"));
  CHECK(jumps("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2040) ==
        std::pair<std::string, std::string>("2040-03-25T01:00:00.000000Z",
                                            "2040-10-28T01:00:00.000000Z"));
  CHECK(jumps("EET-2EEST,M3.4.4/50,M10.4.4/50", 2040) ==
        std::pair<std::string, std::string>("2040-03-24T00:00:00.000000Z",
                                            "2040-10-26T23:00:00.000000Z"));
}

TEST_CASE("a text that is no rule with summer time gives none") {
  for (const char* text :
       {"", "<-08>8", "UTC0", "PST8PDT", "PST8PDT,M3.2.0", "PST8PDT,J60,J300",
        "PST8PDT,M13.2.0,M11.1.0", "PST8PDT,M3.2.0,M11.1.0x", "8,M3.2.0,M11.1.0"}) {
    CAPTURE(std::string(text));
    CHECK(!YearlyRule::parse(text));
  }
}

}  // namespace
}  // namespace millrace
