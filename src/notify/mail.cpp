#include "notify/mail.h"

#include <algorithm>

#include <fmt/format.h>

#include "notify/signature.h"
#include "notify/text.h"

namespace millrace::notify {
namespace {

constexpr std::size_t kLineMost = 76;

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

/// RFC 2047, in pieces that end between characters.
std::string header_text(const std::string& text) {
  if (is_plain(text)) return text;
  constexpr std::size_t kPiece = 45;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.size(), at + kPiece);
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    out += fmt::format("{}=?UTF-8?B?{}?=", out.empty() ? "" : "\r\n ",
                       base64(std::string_view(text).substr(at, end - at)));
    at = end;
  }
  return out;
}

/// "Millrace <millrace@example.com>", with a name of any letters.
std::string sender(const std::string& from) {
  const auto open = from.rfind('<');
  if (open == std::string::npos || open == 0) return from;
  std::string name = from.substr(0, open);
  while (name.ends_with(' ')) name.pop_back();
  return header_text(name) + " " + from.substr(open);
}

std::string bare_address(const std::string& from) {
  const auto open = from.rfind('<');
  if (open == std::string::npos) return from;
  return from.substr(open + 1, from.find('>', open) - open - 1);
}

std::string date_text(Instant at) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  return fmt::format(
      "{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", kDays[std::chrono::weekday(day).c_encoding()],
      static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
      static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
      time.seconds().count());
}

/// RFC 2045 quoted-printable, with CRLF.
std::string quoted_printable(const std::string& text) {
  std::string out, line;
  const auto put = [&](const std::string& piece) {
    if (line.size() + piece.size() >= kLineMost) {
      out += line + "=\r\n";
      line.clear();
    }
    line += piece;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '\n') {
      out += line + "\r\n";
      line.clear();
      continue;
    }
    const bool ends_line = at + 1 == text.size() || text[at + 1] == '\n';
    const bool is_space = byte == ' ' || byte == '\t';
    const bool stays = byte != '=' && byte < 0x7f && (byte > 0x20 || (is_space && !ends_line));
    put(stays ? std::string(1, text[at]) : fmt::format("={:02X}", byte));
  }
  return out + line + "\r\n";
}

std::string part(const std::string& boundary, std::string_view type, const std::string& text) {
  return fmt::format(
      "--{}\r\nContent-Type: {}; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n\r\n{}",
      boundary, type, quoted_printable(text));
}

}  // namespace

std::string mail_of(const NotifySettings::Smtp& smtp, const catalog::Note& note,
                    const Message& message) {
  const std::string address = bare_address(smtp.from);
  const std::string domain = address.substr(address.find('@') + 1);
  const std::string boundary = "=_" + note.id;
  // The beginning and the end of an incident are one conversation in the reader's program.
  const std::string thread =
      fmt::format("<{}@{}>", short_digest(message.thread + "\n" + message.target.name), domain);
  std::string mail;
  const auto header = [&](std::string_view name, const std::string& value) {
    mail += fmt::format("{}: {}\r\n", name, value);
  };
  header("Date", date_text(note.written_at));
  header("From", sender(smtp.from));
  header("To", message.target.name);
  header("Subject", header_text("[Millrace] " + title_of(message)));
  header("Message-ID", fmt::format("<{}@{}>", note.id, domain));
  header("In-Reply-To", thread);
  header("References", thread);
  header("Auto-Submitted", "auto-generated");
  header("X-Millrace-Event", note.event);
  header("MIME-Version", "1.0");
  header("Content-Type", fmt::format("multipart/alternative; boundary=\"{}\"", boundary));
  mail += "\r\n" + part(boundary, "text/plain", plain_text(message)) +
          part(boundary, "text/html", html_text(message)) + fmt::format("--{}--\r\n", boundary);
  return mail;
}

}  // namespace millrace::notify
