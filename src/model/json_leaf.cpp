#include "model/json_leaf.h"

#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace millrace::json::leaf {

Error bad_json(std::string_view where, std::string_view problem) {
  return Error(Fault::BadData, "bad_json", fmt::format("reading {} failed: {}", where, problem),
               "It was damaged, or written by another program; restore it from a backup");
}

Error unexpected(std::string_view where, std::string_view expected, const Value& value) {
  return bad_json(where, fmt::format("expected {}, found {}", expected, value.type_name()));
}

Value write(const std::string& text) {
  const Value value = text;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80) continue;
    return Value::parse(value.dump(-1, ' ', false, Value::error_handler_t::replace));
  }
  return value;
}

Value write(bool flag) { return flag; }
Value write(double number) { return number; }
Value write(Day day) { return day.text(); }
Value write(Instant instant) { return to_text(instant); }

Value write(const Field& field) {
  if (!field.literal) return write(field.text);
  Value object;
  object["literal"] = write(field.text);
  return object;
}

Value write(const Gate& gate) {
  if (gate.kind == Gate::Kind::Sql) return write(gate.text);
  Value object;
  object[name_of(gate.kind)] = gate.kind == Gate::Kind::Call ? write(true) : write(gate.text);
  return object;
}

Value write(const std::pair<std::string, std::string>& pair) {
  return Value::array({write(pair.first), write(pair.second)});
}

void read(const Value& value, std::string& text, const std::string& where) {
  if (!value.is_string()) throw unexpected(where, "a text", value);
  text = value.get_ref<const std::string&>();
}

void read(const Value& value, bool& flag, const std::string& where) {
  if (!value.is_boolean()) throw unexpected(where, "true or false", value);
  flag = value.get<bool>();
}

void read(const Value& value, double& number, const std::string& where) {
  if (!value.is_number()) throw unexpected(where, "a number", value);
  number = value.get<double>();
}

std::int64_t whole_number(const Value& value, const std::string& where) {
  if (!value.is_number_integer()) throw unexpected(where, "a whole number", value);
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > kMost) {
    throw bad_json(where, fmt::format("{} is out of range", value.get<std::uint64_t>()));
  }
  return value.get<std::int64_t>();
}

void read(const Value& value, Day& day, const std::string& where) {
  std::string text;
  read(value, text, where);
  const auto parsed = Day::parse(text);
  if (!parsed) throw bad_json(where, fmt::format("\"{}\" is not a day such as 2026-11-20", text));
  day = *parsed;
}

void read(const Value& value, Instant& instant, const std::string& where) {
  std::string text;
  read(value, text, where);
  try {
    instant = instant_from_text(text);
  } catch (const Error& error) {
    throw bad_json(where, error.what());
  }
}

void read(const Value& value, Field& field, const std::string& where) {
  field.literal = value.is_object() && value.contains("literal");
  read(field.literal ? value["literal"] : value, field.text, where);
}

void read(const Value& value, Gate& gate, const std::string& where) {
  gate.kind = Gate::Kind::Sql;
  if (!value.is_object()) return read(value, gate.text, where);
  for (const Gate::Kind kind : {Gate::Kind::Table, Gate::Kind::Object, Gate::Kind::Call}) {
    const auto found = value.find(name_of(kind));
    if (found == value.end()) continue;
    gate.kind = kind;
    if (kind != Gate::Kind::Call) read(*found, gate.text, where);
    return;
  }
  throw bad_json(where, "is no gate that this version knows");
}

void read(const Value& value, std::pair<std::string, std::string>& pair, const std::string& where) {
  if (!value.is_array() || value.size() != 2) throw unexpected(where, "a pair of texts", value);
  read(value[0], pair.first, where);
  read(value[1], pair.second, where);
}

}  // namespace millrace::json::leaf
