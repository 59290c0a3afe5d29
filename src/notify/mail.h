#pragma once

#include <string>

#include "catalog/telling.h"
#include "model/audience.h"
#include "notify/delivery.h"
#include "notify/message.h"

namespace millrace::notify {

/// The whole mail, RFC 5322: text and HTML. The same note is the same mail, byte by byte.
std::string mail_of(const NotifySettings::Smtp& smtp, const catalog::Note& note,
                    const Message& message);

/// Hands it to the server; the settings' password is resolved.
Delivery send_mail(const NotifySettings::Smtp& smtp, const std::string& to,
                   const std::string& mail);

}  // namespace millrace::notify
