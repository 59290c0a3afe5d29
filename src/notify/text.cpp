#include "notify/text.h"

#include <fmt/format.h>

#include "notify/words.h"

namespace millrace::notify {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// Slack's own three; what would be its formatting stays as it is.
std::string slack_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  }
  return out;
}

std::string indented(const std::string& text) {
  std::string out = "  ";
  for (const char c : text) out += c == '\n' ? std::string("\n  ") : std::string(1, c);
  return out;
}

/// The customer's SQL keeps its place under the caret.
std::string html_lines(const std::string& text) {
  const auto end = text.find('\n');
  if (end == std::string::npos) return escaped(text);
  return escaped(text.substr(0, end)) + "<pre style=\"margin:4px 0\">" +
         escaped(text.substr(end + 1)) + "</pre>";
}

std::string html_reason(const std::string& what, const std::string& next) {
  std::string out;
  if (!what.empty()) out += fmt::format("<div>{}</div>", html_lines(what));
  if (!next.empty()) out += fmt::format("<div><b>Next:</b> {}</div>", escaped(next));
  return out;
}

}  // namespace

std::string title_of(const Message& message) { return words_of(message).title; }

std::string plain_text(const Message& message) {
  const Words words = words_of(message);
  std::string out = words.title + "\n\n";
  if (!words.lead.empty()) out += words.lead + "\n\n";
  if (!words.what.empty()) out += words.what + "\n";
  if (!words.next.empty()) out += "Next: " + words.next + "\n";
  if (!words.what.empty() || !words.next.empty()) out += "\n";
  for (const Item& item : words.items) {
    out += fmt::format("* {}\n", item.head);
    if (!item.what.empty()) out += indented(item.what) + "\n";
    if (!item.next.empty()) out += indented("Next: " + item.next) + "\n";
    if (!item.link.empty()) out += indented(item.link) + "\n";
  }
  if (message.more > 0) out += fmt::format("* and {} more\n", message.more);
  if (!words.items.empty()) out += "\n";
  return out + "-- \n" + words.foot + "\n";
}

std::string html_text(const Message& message) {
  const Words words = words_of(message);
  std::string out = fmt::format(
      "<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>{0}</title></head>\n"
      "<body style=\"font-family:sans-serif;font-size:14px;color:#1a1a1a\">\n"
      "<h2 style=\"font-size:18px\">{0}</h2>\n",
      escaped(words.title));
  if (!words.lead.empty()) out += fmt::format("<p>{}</p>\n", escaped(words.lead));
  if (const std::string reason = html_reason(words.what, words.next); !reason.empty()) {
    out += fmt::format("<div>{}</div>\n", reason);
  }
  if (!words.items.empty()) out += "<ul>\n";
  for (const Item& item : words.items) {
    const std::string head = escaped(item.head);
    out += fmt::format(
        "<li>{}{}</li>\n",
        item.link.empty() ? head : fmt::format("<a href=\"{}\">{}</a>", escaped(item.link), head),
        html_reason(item.what, item.next));
  }
  if (message.more > 0) out += fmt::format("<li>and {} more</li>\n", message.more);
  if (!words.items.empty()) out += "</ul>\n";
  return out + fmt::format("<p style=\"color:#666\">{}</p>\n</body></html>\n", escaped(words.foot));
}

std::string slack_text(const Message& message) {
  const Words words = words_of(message);
  std::string out = fmt::format("*{}*\n", slack_escaped(words.title));
  if (!words.lead.empty()) out += slack_escaped(words.lead) + "\n";
  if (!words.what.empty()) out += slack_escaped(words.what) + "\n";
  if (!words.next.empty()) out += "*Next:* " + slack_escaped(words.next) + "\n";
  for (const Item& item : words.items) {
    const std::string head = slack_escaped(item.head);
    out += item.link.empty() ? fmt::format("• {}\n", head)
                             : fmt::format("• <{}|{}>\n", slack_escaped(item.link), head);
    if (!item.what.empty()) out += indented(slack_escaped(item.what)) + "\n";
    if (!item.next.empty()) out += indented("*Next:* " + slack_escaped(item.next)) + "\n";
  }
  if (message.more > 0) out += fmt::format("• and {} more\n", message.more);
  return out;
}

}  // namespace millrace::notify
