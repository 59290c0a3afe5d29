#pragma once

#include <string>

#include "catalog/telling.h"
#include "model/audience.h"
#include "notify/delivery.h"
#include "notify/message.h"

namespace millrace::notify {

/// Posts to a channel, or to one person found by e-mail address; the token is resolved.
Delivery send_slack(const NotifySettings::Slack& slack, const catalog::Note& note,
                    const Message& message);

/// Posts to a webhook, signed; its secret is resolved.
Delivery send_webhook(const NotifySettings::Webhook& webhook, const catalog::Note& note,
                      const Message& message, Instant now);

}  // namespace millrace::notify
