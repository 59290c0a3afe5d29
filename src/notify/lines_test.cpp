#include <doctest/doctest.h>

#include "notify/decide.h"

namespace millrace::notify {

TEST_CASE("people hear by the channels that are set up, and each once") {
  NotifySettings settings;
  settings.owner = "data@example.com";
  settings.slack.direct = {"ana@example.com", "eve@example.com"};
  settings.slack.channels = {"#all"};
  Audience audience;
  audience.subscribers = {"ana@example.com", "data@example.com"};
  audience.slack = {"#all", "#shop"};
  CHECK(targets_of(audience, settings).empty());
  settings.smtp.host = "smtp.example.com";
  CHECK(targets_of(audience, settings) ==
        std::set<Target>{{Channel::Mail, "ana@example.com"}, {Channel::Mail, "data@example.com"}});
  settings.smtp.host = "";
  settings.slack.token = "xoxb";
  CHECK(targets_of(audience, settings) == std::set<Target>{{Channel::Direct, "ana@example.com"},
                                                           {Channel::Slack, "#all"},
                                                           {Channel::Slack, "#shop"}});
  settings.slack.direct = {"ANA@Example.com"};
  CHECK(targets_of(audience, settings).contains({Channel::Direct, "ana@example.com"}));
  audience.owner = "ben@example.com";
  settings.smtp.host = "smtp.example.com";
  CHECK(targets_of(audience, settings).contains({Channel::Mail, "ben@example.com"}));
}

TEST_CASE("what a warehouse quotes of a row is told only where the ingestion allows it") {
  Subject subject{"purchases", "shop", false, {}};
  catalog::Ended ended;
  ended.attempt = Attempt::Failed;
  ended.error = Error(Fault::BadData, "bad_value_in_query", "the warehouse refused a \"…\"");
  ended.error->in_full = "the warehouse refused a \"Jane\"";
  const auto told = [&] { return line_of(subject, ended).error.value(); };
  CHECK(std::string(told().what()) == "the warehouse refused a \"…\"");
  CHECK(told().in_full.empty());
  subject.include_rows = true;
  CHECK(std::string(told().what()) == "the warehouse refused a \"Jane\"");
}

}  // namespace millrace::notify
