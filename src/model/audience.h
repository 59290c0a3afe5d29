#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace millrace {

/// Who hears of an ingestion; people by their e-mail address. Changing it changes no day.
struct Audience {
  std::string owner;  ///< Empty: the project's.
  std::vector<std::string> subscribers;
  std::vector<std::string> slack;  ///< Channels: "#data", or a channel's id.
  bool include_rows = false;       ///< Messages may quote values of rows.
  bool operator==(const Audience&) const = default;
};

/// How this server reaches people, as its configuration says it. A secret is a reference
/// (`env:NAME`, `file:PATH`) until it is resolved.
struct NotifySettings {
  struct Smtp {
    std::string host;  ///< Empty: no mail is sent.
    int port = 587;
    std::string from, user, password;
    std::string tls = "starttls";  ///< starttls | implicit | none
    std::string ca_file;           ///< Empty: the system's authorities.
  };
  struct Slack {
    std::string url = "https://slack.com/api";
    std::string token;                  ///< Empty: nothing is sent.
    std::vector<std::string> channels;  ///< That hear of everything.
    std::vector<std::string> direct;    ///< People who want a direct message besides the mail.
  };
  struct Webhook {
    std::string url, secret;
  };

  std::string owner;            ///< Of the project: of what has no owner of its own.
  std::string link;             ///< What messages link to; {ingestion}, {day}, {run} are filled in.
  int digest_minutes = 8 * 60;  ///< Of the day, in the project's zone; negative: no digest.
  std::chrono::seconds gather{20};  ///< So long what goes wrong together becomes one message.
  Smtp smtp;
  Slack slack;
  std::map<std::string, Webhook> webhooks;  ///< Each hears of everything.
};

}  // namespace millrace
