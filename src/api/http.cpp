#include "api/http.h"

#include <nlohmann/json.hpp>

#include "definition/toml_text.h"
#include "model/json.h"

namespace millrace::api {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Percent decoding; in a query a plus is a blank. False when a % leads nowhere.
bool decode(std::string_view text, bool in_query, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && in_query) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return false;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      out += static_cast<char>(16 * high + low);
      i += 2;
    }
  }
  return true;
}

/// What goes on into JSON and SQL.
bool is_sound(const std::string& text) {
  return text.find('\0') == std::string::npos && definition::is_utf8(text);
}

}  // namespace

std::string Request::parameter(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

std::string Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

Answer refusal(int status, const std::string& message) {
  const json::Value body{{"status", status}, {"message", message}};
  // What a caller sent may be quoted in the message, and need not be UTF-8.
  return {status, body.dump(-1, ' ', false, json::Value::error_handler_t::replace), {}};
}

bool read_target(const std::string& target, Request& request) {
  if (!target.starts_with('/')) return false;
  const std::string_view whole(target);
  const std::size_t mark = whole.find('?');
  if (!decode(whole.substr(0, mark), false, request.path) || !is_sound(request.path)) return false;
  std::string_view rest = mark == std::string_view::npos ? "" : whole.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest = pair.size() == rest.size() ? "" : rest.substr(pair.size() + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    std::string name, value;
    if (!decode(pair.substr(0, equals), true, name)) return false;
    if (equals != std::string_view::npos && !decode(pair.substr(equals + 1), true, value)) {
      return false;
    }
    if (!is_sound(name) || !is_sound(value)) return false;
    if (name.ends_with("[]")) name.resize(name.size() - 2);
    request.query.emplace(std::move(name), std::move(value));
  }
  return true;
}

}  // namespace millrace::api
