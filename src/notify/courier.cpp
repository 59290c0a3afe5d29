#include "notify/courier.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "notify/mail.h"
#include "notify/slack.h"

namespace millrace::notify {
namespace {

using How = Delivery::How;
using std::chrono::minutes;

/// Longer than any try takes: until then the note is this process's alone.
constexpr std::chrono::seconds kLease(120);
constexpr std::chrono::hours kGivenUpAfter(72);

/// 1, 2, 4 … 60 minutes.
std::chrono::seconds wait_after(std::int64_t tries) {
  constexpr std::int64_t kSteps = 6;
  return std::min(minutes(1 << std::min(tries - 1, kSteps)), minutes(60));
}

Delivery not_set_up(std::string_view table) {
  return {How::Later, "[" + std::string(table) + "] is not in millrace.toml any more", {}};
}

Delivery send(const NotifySettings& settings, const catalog::Note& note, Instant now) {
  const Message message = message_in(note.body);
  switch (message.target.channel) {
    case Channel::Mail:
      if (settings.smtp.host.empty()) return not_set_up("notify.smtp");
      return send_mail(settings.smtp, note.target, mail_of(settings.smtp, note, message));
    case Channel::Direct:
    case Channel::Slack:
      if (settings.slack.token.empty()) return not_set_up("notify.slack");
      return send_slack(settings.slack, note, message);
    case Channel::Webhook: {
      const auto webhook = settings.webhooks.find(note.target);
      if (webhook == settings.webhooks.end()) return not_set_up("notify.webhook." + note.target);
      return send_webhook(webhook->second, note, message, now);
    }
  }
  return {};
}

}  // namespace

Courier::Courier(catalog::Catalog& catalog, Settings settings, Env& env)
    : catalog_(catalog), settings_(std::move(settings)), env_(env) {}

void Courier::carry(catalog::Note& note) {
  Delivery delivery;
  try {
    delivery = send(settings_(), note, env_.now());
  } catch (const std::exception& error) {
    delivery.said = error.what();
  }
  const Instant now = env_.now();
  note.error_text = delivery.said;
  if (delivery.how == How::Accepted) {
    note.sent_at = now;
    log::info("told", {{"channel", note.channel}, {"about", note.title}, {"id", note.id}});
  } else if (delivery.how == How::Refused || now - note.written_at > kGivenUpAfter) {
    note.refused_at = now;
    log::error("could not tell, and gives up",
               {{"channel", note.channel}, {"about", note.title}, {"error", note.error_text}});
  } else {
    note.next_at =
        now + std::max(wait_after(note.tries), delivery.retry_after.value_or(minutes(0)));
    log::warning("could not tell yet", {{"channel", note.channel},
                                        {"about", note.title},
                                        {"error", note.error_text},
                                        {"again", to_text(note.next_at)}});
  }
  catalog_.put_note(note);
}

int Courier::deliver(std::stop_token stop) {
  int accepted = 0;
  while (!stop.stop_requested()) {
    auto note = catalog_.take_note(kLease);
    if (!note) break;
    carry(*note);
    if (note->sent_at) ++accepted;
  }
  return accepted;
}

}  // namespace millrace::notify
