#pragma once

#include <string>

#include "notify/message.h"

/// How a message reads, in each form that travels. Facts come from the message alone, so a message
/// that is sent again says the same.
namespace millrace::notify {

/// "purchases: 2026-11-20 failed"
std::string title_of(const Message& message);
std::string plain_text(const Message& message);
std::string html_text(const Message& message);
/// Slack's mrkdwn.
std::string slack_text(const Message& message);
/// `{"type", "timestamp", "data"}`: docs/howto/notifications.md lists its members.
std::string webhook_body(const Message& message, const std::string& event);

}  // namespace millrace::notify
