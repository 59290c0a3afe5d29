#include "notify/text.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "golden.h"
#include "notify/mail.h"
#include "notify/signature.h"

namespace millrace::notify {
namespace {

Line line(const std::string& ingestion, const std::string& outcome, const char* first,
          std::int64_t days = 1) {
  Line line;
  line.ingestion = ingestion;
  line.outcome = outcome;
  line.first = *Day::parse(first);
  line.last = line.first.plus(static_cast<int>(days) - 1);
  line.days = days;
  line.run = "0193-run";
  return line;
}

Line with(Line line, Fault fault, const char* code, const char* text, const char* advice) {
  line.error = Error(fault, code, text, advice);
  return line;
}

Message message(Kind kind, std::vector<Line> lines) {
  Message message;
  message.kind = kind;
  message.thread = "failed/unavailable/shop@2026-11-24T09:30:00.000000Z";
  message.key = message.thread + "/1";
  message.target = {Channel::Mail, "ana@example.com"};
  message.at = instant_from_text("2026-11-24T09:30:00Z");
  message.connection = "shop";
  message.lines = std::move(lines);
  message.link = "https://millrace.example.com/{ingestion}/{day}?run={run}";
  return message;
}

struct Case {
  std::string name;
  Message message;
};

std::vector<Case> cases() {
  const Line unreachable =
      with(line("purchases", "failed", "2026-11-23"), Fault::Unavailable, "unreachable",
           "connecting to db:5432/shop as reader failed: Connection refused",
           "Check host and port, and that the server listens on that address");
  const Line no_column =
      with(line("visits", "failed", "2026-11-21", 3), Fault::Misconfigured, "missing_column",
           "the warehouse refused the query at line 1, column 8: column \"kind\" does not "
           "exist\n  select kind from visits\n         ^",
           "Check its spelling; `millrace connection columns` lists those of a table");
  Line other = unreachable;
  other.ingestion = "orders";
  Line held = line("purchases", "held", "2026-11-23");
  held.note = "the day shrank from 1440 to 700 rows (51.4 % gone, shrink_max is 50 %)";
  Line late = line("purchases", "late", "2026-11-23");
  late.note =
      "purchases has no 2026-11-23, which was to be there by 12:00; its newest day is 2026-11-22";
  Line not_checked = line("purchases", "not checked", "2026-11-20");
  not_checked.note =
      "purchases could not be checked for changes: connecting to db:5432/shop as reader failed: "
      "Connection refused; Check host and port, and that the server listens on that address";
  Line paused = line("purchases", "paused", "2026-11-23");
  paused.note =
      "purchases is paused, over budget: loading 2026-11-23 would add about 40000 billable rows to "
      "the 980000 of this month, and rows_per_month is 1000000";
  Line left_out = line("purchases", "left out", "2026-10-04");
  left_out.note =
      "purchases lacks 7 days, 2026-10-04 to 2026-10-10, which lie further back than the 31 days "
      "that are loaded by themselves: `millrace load purchases --from 2026-10-04 --to 2026-10-10` "
      "loads them";
  Line well = line("purchases", "succeeded", "2026-11-01", 23);
  well.rows = 33120;
  well.rejected = 7;
  std::vector<Case> cases = {
      {"failed", message(Kind::Failed, {no_column})},
      {"outage", message(Kind::Failed, {unreachable, other})},
      {"held", message(Kind::Held, {held})},
      {"no_data", message(Kind::NoData, {line("größe", "succeeded, no data", "2026-11-23")})},
      {"late", message(Kind::Late, {late})},
      {"not_checked", message(Kind::NotChecked, {not_checked})},
      {"over_budget", message(Kind::OverBudget, {paused})},
      {"left_out", message(Kind::LeftOut, {left_out})},
      {"recovered", message(Kind::Recovered, {line("orders", "succeeded", "2026-11-23"), well})},
      {"backfill", message(Kind::Backfill, {no_column, well})},
      {"digest", message(Kind::Digest, {no_column, held, well})},
      {"test", message(Kind::Test, {})},
  };
  cases[1].message.more = 173;
  cases[9].message.counts = {23, 0, 3, 0, 0};
  cases[10].message.counts = {23, 1, 3, 1, 2};
  return cases;
}

std::string indented(const std::string& json) {
  return nlohmann::ordered_json::parse(json).dump(2) + "\n";
}

std::string without_carriage_returns(std::string text) {
  std::erase(text, '\r');
  return text;
}

}  // namespace

TEST_CASE("every kind of message reads as its golden files say, on every channel") {
  const std::string folder = "src/notify/testdata/";
  for (const Case& one : cases()) {
    CAPTURE(one.name);
    CHECK(golden::difference(folder + one.name + ".txt", plain_text(one.message)) == "");
    CHECK(golden::difference(folder + one.name + ".html", html_text(one.message)) == "");
    CHECK(golden::difference(folder + one.name + ".slack", slack_text(one.message)) == "");
    CHECK(golden::difference(folder + one.name + ".json",
                             indented(webhook_body(one.message, "0193-event"))) == "");
  }
}

TEST_CASE("a mail is the same byte by byte whenever it is sent, and its lines are short") {
  NotifySettings::Smtp smtp;
  smtp.from = "Müllers Daten <millrace@example.com>";
  catalog::Note note;
  note.id = "0193-note";
  note.event = "0193-event";
  note.written_at = instant_from_text("2026-11-24T09:30:05.5Z");
  const Message no_data = cases()[3].message;
  const std::string mail = mail_of(smtp, note, no_data);
  CHECK(golden::difference("src/notify/testdata/mail.eml", without_carriage_returns(mail)) == "");
  CHECK(mail == mail_of(smtp, note, message_in(written(no_data))));
  std::size_t at = 0;
  for (std::size_t end; (end = mail.find("\r\n", at)) != std::string::npos; at = end + 2) {
    CHECK(mail.substr(at, end - at).find('\n') == std::string::npos);
    CHECK(end - at <= 998);
  }
}

TEST_CASE("what a message says survives the outbox") {
  for (const Case& one : cases()) {
    CAPTURE(one.name);
    CHECK(written(message_in(written(one.message))) == written(one.message));
  }
}

TEST_CASE("markup in names and errors stays text") {
  const Line evil = with(line("purchases", "failed", "2026-11-23"), Fault::Misconfigured,
                         "sql_error", "<script>alert(1)</script> & \"x\" <!channel>", "");
  const Message one = message(Kind::Failed, {evil});
  CHECK(html_text(one).find("<script>") == std::string::npos);
  CHECK(slack_text(one).find("<!channel>") == std::string::npos);
  CHECK(plain_text(one).find("<script>") != std::string::npos);
}

TEST_CASE("a webhook is signed as Standard Webhooks says") {
  // The example of its own libraries, recomputed with another HMAC.
  CHECK(webhook_signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
                          "1614265330", R"({"test": 2432232314})") ==
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  CHECK_THROWS_AS(webhook_signature("whsec_!", "a", "1", "{}"), Error);
}

}  // namespace millrace::notify
