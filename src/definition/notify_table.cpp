#include <algorithm>

#include <fmt/format.h>

#include "definition/keys.h"
#include "definition/tables.h"

namespace millrace::definition {
namespace {

std::vector<std::string> checked_list(const Node& table, std::string_view key,
                                      void (*check)(const Node&)) {
  std::vector<std::string> texts;
  const Node::Member* list = table.find(key);
  if (!list) return texts;
  for (const Node& item : list->value.items) {
    check(item);
    if (std::find(texts.begin(), texts.end(), item.text) == texts.end()) {
      texts.push_back(item.text);
    }
  }
  return texts;
}

/// "#data", or an id such as C0123456789.
void check_slack_channel(const Node& value) {
  const std::string& name = value.text;
  const bool is_plain = name.size() > 1 && name.size() <= 81 &&
                        std::none_of(name.begin(), name.end(), [](unsigned char c) {
                          return c <= ' ' || c == '@' || c == ',';
                        });
  if (is_plain) return;
  refuse(value.place, fmt::format("\"{}\" is no Slack channel", name),
         "Write \"#data-alerts\" or a channel's id; people belong in [notify.slack] direct");
}

void check_url(const Node::Member& member) {
  const std::string& url = member.value.text;
  const bool is_web = url.starts_with("https://") || url.starts_with("http://");
  const bool has_controls =
      std::any_of(url.begin(), url.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  if (is_web && !has_controls) return;
  refuse(member.value.place, fmt::format("\"{}\" is no address of the web", url),
         "Write it in full, such as \"https://example.com/hooks/millrace\"");
}

/// The address in "Millrace <millrace@example.com>", or the whole of a bare one.
std::string bare(const std::string& from) {
  const auto open = from.rfind('<');
  if (open == std::string::npos || !from.ends_with('>')) return from;
  return from.substr(open + 1, from.size() - open - 2);
}

NotifySettings::Smtp read_smtp(const Node& table, const std::filesystem::path& home) {
  const std::string heading = "notify.smtp";
  check_keys(table, table_rule(heading), heading);
  need(table, "host", heading, "\"smtp.example.com\"");
  need(table, "from", heading, "\"Millrace <millrace@example.com>\"");
  NotifySettings::Smtp smtp;
  smtp.host = text_in(table, "host");
  smtp.from = text_in(table, "from");
  smtp.user = text_in(table, "user");
  smtp.password = secret_in(table, "password", heading);
  if (const std::string tls = text_in(table, "tls"); !tls.empty()) smtp.tls = tls;
  if (const std::string file = text_in(table, "ca_file"); !file.empty()) {
    smtp.ca_file = (home / file).lexically_normal().string();
  }
  const Node::Member* port = table.find("port");
  if (smtp.tls == "implicit") smtp.port = 465;
  if (port) smtp.port = static_cast<int>(port->value.integer);
  constexpr int kPortMost = 65535;
  if (port && (port->value.integer < 1 || port->value.integer > kPortMost)) {
    refuse(port->value.place, fmt::format("{} is no port", port->value.integer),
           "Ports are from 1 to 65535; mail often uses 587 or 465");
  }
  if (!is_address(bare(smtp.from)) || smtp.from.find_first_of("\r\n") != std::string::npos) {
    refuse(table.find("from")->value.place, fmt::format("\"{}\" is no sender of mail", smtp.from),
           "Write \"millrace@example.com\" or \"Millrace <millrace@example.com>\"");
  }
  if (!smtp.password.empty() && smtp.user.empty()) {
    refuse(table.find("password")->place, "\"password\" needs \"user\"",
           "Write whom the password belongs to: user = \"…\"");
  }
  if (!smtp.password.empty() && smtp.tls == "none") {
    refuse(table.find("tls")->value.place, "the password would travel in clear text",
           "Set tls = \"starttls\" or \"implicit\"");
  }
  return smtp;
}

NotifySettings::Slack read_slack(const Node& table) {
  const std::string heading = "notify.slack";
  check_keys(table, table_rule(heading), heading);
  need(table, "token", heading, "\"env:SLACK_TOKEN\"");
  NotifySettings::Slack slack;
  slack.token = secret_in(table, "token", heading);
  slack.channels = checked_list(table, "channels", check_slack_channel);
  slack.direct = checked_list(table, "direct", check_address);
  if (const std::string url = url_in(table, "url"); !url.empty()) slack.url = url;
  while (slack.url.ends_with('/')) slack.url.pop_back();
  return slack;
}

}  // namespace

std::string secret_in(const Node& table, std::string_view key, const std::string& heading) {
  const Node::Member* member = table.find(key);
  if (!member) return {};
  if (!is_reference(member->value.text)) {
    refuse(member->value.place,
           fmt::format("\"{}\" of [{}] stands here in clear text", key, heading),
           fmt::format("Write {0} = \"env:VARIABLE\" or {0} = \"file:secrets/name\"", key));
  }
  located(member->value.place, [&] { check_reference(member->value.text); });
  return member->value.text;
}

std::string url_in(const Node& table, std::string_view key) {
  const Node::Member* member = table.find(key);
  if (!member) return {};
  check_url(*member);
  return member->value.text;
}

void need(const Node& table, std::string_view key, const std::string& heading,
          std::string_view example) {
  if (table.find(key)) return;
  refuse(table.place, fmt::format("[{}] lacks \"{}\"", heading, key),
         fmt::format("For example: {} = {}", key, example));
}

bool is_address(std::string_view text) {
  const auto at = text.find('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.size() <= 254 &&
         text.find('@', at + 1) == std::string_view::npos &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) {
           return c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == ',' || c == ';' ||
                  c == '"' || c == '\\' || c == '(' || c == ')';
         });
}

void check_address(const Node& value) {
  if (is_address(value.text)) return;
  refuse(value.place, fmt::format("\"{}\" is no e-mail address", value.text),
         "Write one address, such as \"ana@example.com\"");
}

Audience read_audience(const Node& ingestion, const std::string& heading) {
  Audience audience;
  if (const Node::Member* owner = ingestion.find("owner")) {
    check_address(owner->value);
    audience.owner = owner->value.text;
  }
  const Node::Member* table = ingestion.find("notify");
  if (!table) return audience;
  check_keys(table->value, table_rule("ingestion.NAME.notify"), heading + ".notify");
  audience.subscribers = checked_list(table->value, "subscribers", check_address);
  audience.slack = checked_list(table->value, "slack", check_slack_channel);
  if (const Node::Member* rows = table->value.find("include_rows")) {
    audience.include_rows = rows->value.boolean;
  }
  return audience;
}

NotifySettings read_notify(const Node& root, const std::filesystem::path& home) {
  NotifySettings settings;
  if (const Node::Member* project = root.find("project")) {
    if (const Node::Member* owner = project->value.find("owner")) {
      check_address(owner->value);
      settings.owner = owner->value.text;
    }
  }
  const Node::Member* table = root.find("notify");
  if (!table) return settings;
  check_keys(table->value, table_rule("notify"), "notify");
  settings.link = url_in(table->value, "link");
  if (const Node::Member* digest = table->value.find("digest")) {
    settings.digest_minutes = digest->value.text == "off" ? -1 : time_of_day(*digest);
  }
  if (const Node::Member* gather = table->value.find("gather_seconds")) {
    constexpr std::int64_t kHour = 3600;
    if (gather->value.integer < 0 || gather->value.integer > kHour) {
      refuse(gather->value.place,
             fmt::format("\"gather_seconds\" must be from 0 to {}, not {}", kHour,
                         gather->value.integer),
             "Write how many seconds messages wait for company, such as 60");
    }
    settings.gather = std::chrono::seconds(gather->value.integer);
  }
  if (const Node::Member* smtp = table->value.find("smtp")) {
    settings.smtp = read_smtp(smtp->value, home);
  }
  if (const Node::Member* slack = table->value.find("slack")) {
    settings.slack = read_slack(slack->value);
  }
  if (const Node::Member* hooks = table->value.find("webhook")) {
    for (const Node::Member& hook : hooks->value.members) {
      check_name(hook, "webhook");
      const std::string heading = "notify.webhook." + hook.key;
      check_keys(hook.value, table_rule("notify.webhook.NAME"), heading);
      need(hook.value, "url", heading, "\"https://example.com/hooks/millrace\"");
      need(hook.value, "secret", heading, "\"env:HOOK_SECRET\"");
      settings.webhooks[hook.key] = {url_in(hook.value, "url"),
                                     secret_in(hook.value, "secret", heading)};
    }
  }
  return settings;
}

}  // namespace millrace::definition
