#include "notify/slack.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/http.h"
#include "model/json.h"
#include "notify/signature.h"
#include "notify/text.h"

namespace millrace::notify {
namespace {

using How = Delivery::How;

/// What no later try changes.
constexpr std::string_view kForGood[] = {"users_not_found", "channel_not_found", "is_archived",
                                         "user_not_found"};

struct Answer {
  Delivery delivery;
  json::Value body;
};

/// Slack says in the body whether it did what was asked.
Answer ask(const NotifySettings::Slack& slack, const std::string& method, const std::string& query,
           const std::string& body) {
  HttpCall request{
      slack.url + "/" + method + query, {{"Authorization", "Bearer " + slack.token}}, body};
  if (!body.empty()) {
    request.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  }
  const HttpReply reply = http(request);
  Answer answer;
  answer.delivery.retry_after = reply.retry_after;
  const auto failed = [&](const std::string& what) {
    answer.delivery.said = fmt::format("{} of Slack failed: {}", method, what);
  };
  if (reply.status == 0) {
    failed(reply.problem);
    return answer;
  }
  answer.body = json::Value::parse(reply.body, nullptr, false);
  if (!answer.body.is_object()) {
    failed(fmt::format("status {} and no JSON", reply.status));
    return answer;
  }
  if (answer.body.value("ok", false)) {
    answer.delivery.how = How::Accepted;
    return answer;
  }
  const std::string error = answer.body.value("error", fmt::format("status {}", reply.status));
  failed(error);
  if (std::ranges::find(kForGood, error) != std::end(kForGood)) {
    answer.delivery.how = How::Refused;
  }
  return answer;
}

}  // namespace

Delivery send_slack(const NotifySettings::Slack& slack, const catalog::Note& note,
                    const Message& message) {
  std::string channel = message.target.name;
  if (message.target.channel == Channel::Direct) {
    const Answer found = ask(slack, "users.lookupByEmail", "?email=" + url_escaped(channel), "");
    if (found.delivery.how != How::Accepted) return found.delivery;
    channel = found.body.value("/user/id"_json_pointer, std::string());
    if (channel.empty()) return {How::Later, "users.lookupByEmail of Slack named no user", {}};
  }
  const json::Value body{
      {"channel", channel},
      {"text", slack_text(message)},
      {"unfurl_links", false},
      {"unfurl_media", false},
      {"metadata",
       {{"event_type", "millrace_" + std::string(name_of(message.kind))},
        {"event_payload", {{"id", note.id}, {"event", note.event}, {"key", note.key}}}}}};
  return ask(slack, "chat.postMessage", "",
             body.dump(-1, ' ', false, json::Value::error_handler_t::replace))
      .delivery;
}

Delivery send_webhook(const NotifySettings::Webhook& webhook, const catalog::Note& note,
                      const Message& message, Instant now) {
  const std::string body = webhook_body(message, note.event);
  const std::string timestamp =
      fmt::format("{}", std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  const HttpReply reply =
      http({webhook.url,
            {{"Content-Type", "application/json"},
             {"Idempotency-Key", note.id},
             {"webhook-id", note.event},
             {"webhook-timestamp", timestamp},
             {"webhook-signature", webhook_signature(webhook.secret, note.event, timestamp, body)}},
            body});
  constexpr long kGone = 410;
  if (reply.status >= 200 && reply.status < 300) return {How::Accepted, {}, {}};
  Delivery delivery{reply.status == kGone ? How::Refused : How::Later,
                    reply.status == 0
                        ? "posting to the webhook failed: " + reply.problem
                        : fmt::format("the webhook answered with status {}", reply.status),
                    reply.retry_after};
  return delivery;
}

}  // namespace millrace::notify
