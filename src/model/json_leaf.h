#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"
#include "model/ingestion.h"
#include "model/json.h"

/// The JSON form of single values, from which json.cpp builds that of structs. `where` is the place
/// in the document that an error names: `manifest.certificate.read`.
namespace millrace::json::leaf {

Error bad_json(std::string_view where, std::string_view problem);
/// Names the types only: the value may be a secret or a row.
Error unexpected(std::string_view where, std::string_view expected, const Value& value);

/// Vendors' texts come in any encoding and JSON is UTF-8: what is not becomes U+FFFD.
Value write(const std::string& text);
Value write(bool flag);
Value write(double number);
Value write(Day day);
Value write(Instant instant);
Value write(const Field& field);
/// SQL as a text, another gate as an object: { "table": "sales.orders" }.
Value write(const Gate& gate);
Value write(const std::pair<std::string, std::string>& pair);

void read(const Value& value, std::string& text, const std::string& where);
void read(const Value& value, bool& flag, const std::string& where);
void read(const Value& value, double& number, const std::string& where);
void read(const Value& value, Day& day, const std::string& where);
void read(const Value& value, Instant& instant, const std::string& where);
void read(const Value& value, Field& field, const std::string& where);
void read(const Value& value, Gate& gate, const std::string& where);
void read(const Value& value, std::pair<std::string, std::string>& pair, const std::string& where);
/// A whole number that fits 64 bits with a sign.
std::int64_t whole_number(const Value& value, const std::string& where);

}  // namespace millrace::json::leaf
