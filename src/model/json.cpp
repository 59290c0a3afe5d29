#include "model/json.h"

#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/json_leaf.h"
#include "model/json_members.h"

namespace millrace::json::leaf {

template <class T>
concept Enum = std::is_enum_v<T>;

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;

template <class T>
concept Class = std::is_class_v<T>;

/// Every value of an enumeration.
template <Enum E>
constexpr std::array<E, 0> kAll{};
template <>
constexpr std::array kAll<Fault>{Fault::Misconfigured, Fault::BadData,  Fault::Throttled,
                                 Fault::Unavailable,   Fault::Conflict, Fault::Cancelled};
template <>
constexpr auto kAll<Dataset> = std::to_array(kDatasets);
template <>
constexpr std::array kAll<TimeUnit>{TimeUnit::Seconds, TimeUnit::Milliseconds,
                                    TimeUnit::Microseconds};
template <>
constexpr std::array kAll<ScheduleMode>{ScheduleMode::Daily, ScheduleMode::Hourly,
                                        ScheduleMode::Api, ScheduleMode::Manual};
template <>
constexpr std::array kAll<OnDuplicate>{OnDuplicate::Reject, OnDuplicate::Sum, OnDuplicate::Last};
template <>
constexpr std::array kAll<VersionKind>{VersionKind::Replace, VersionKind::Append,
                                       VersionKind::Replay};
template <>
constexpr std::array kAll<Attempt>{Attempt::None,    Attempt::Waiting, Attempt::Loading,
                                   Attempt::Loaded,  Attempt::Empty,   Attempt::Failed,
                                   Attempt::Rejected};
template <>
constexpr std::array kAll<Verb>{Verb::Probe,  Verb::Browse,   Verb::Columns, Verb::Describe,
                                Verb::Sample, Verb::Scalar,   Verb::Count,   Verb::Check,
                                Verb::Load,   Verb::Validate, Verb::Replay,  Verb::Cancel};
template <>
constexpr std::array kAll<ColumnType>{
    ColumnType::Boolean,     ColumnType::Integer, ColumnType::Double, ColumnType::Decimal,
    ColumnType::Text,        ColumnType::Uuid,    ColumnType::Date,   ColumnType::Timestamp,
    ColumnType::TimestampTz, ColumnType::Json,    ColumnType::Binary, ColumnType::Other};

template <Integer T>
Value write(T number) {
  return number;
}

template <Enum E>
Value write(E value) {
  return std::string(name_of(value));
}

template <Class S>
Value write(const S& described);

template <class T>
Value write(const std::vector<T>& items) {
  Value array = Value::array();
  for (const T& item : items) array.push_back(write(item));
  return array;
}

template <class T>
Value write(const std::map<std::string, T>& map) {
  Value object = Value::object();
  for (const auto& [key, item] : map) object[key] = write(item);
  return object;
}

class Writer {
 public:
  template <class T>
  void operator()(const char* key, const T& member) {
    object[key] = write(member);
  }
  template <class T>
  void operator()(const char* key, const std::optional<T>& member) {
    if (member) object[key] = write(*member);
  }
  template <class T>
  void required(const char* key, const T& member) {
    object[key] = write(member);
  }
  template <class T>
  void unless_default(const char* key, const T& member) {
    if (!(member == T{})) object[key] = write(member);
  }
  void named(const char* key, const Named& member) {
    if (member.empty()) return;
    Value& inner = object[key] = Value::object();
    for (const auto& [name, text] : member) inner[name] = write(text);
  }

  Value object = Value::object();
};

template <Class S>
Value write(const S& described) {
  Writer writer;
  describe(writer, described);
  return std::move(writer.object);
}

template <Integer T>
void read(const Value& value, T& number, const std::string& where) {
  const std::int64_t wide = whole_number(value, where);
  if (!std::in_range<T>(wide)) throw bad_json(where, fmt::format("{} is out of range", wide));
  number = static_cast<T>(wide);
}

template <Enum E>
void read(const Value& value, E& result, const std::string& where) {
  std::string name;
  read(value, name, where);
  for (const E candidate : kAll<E>) {
    if (name_of(candidate) != name) continue;
    result = candidate;
    return;
  }
  throw bad_json(where, fmt::format("\"{}\" is unknown here", name));
}

template <Class S>
void read(const Value& value, S& described, const std::string& where);

template <class T>
void read(const Value& value, std::vector<T>& items, const std::string& where) {
  if (!value.is_array()) throw unexpected(where, "a list", value);
  items.clear();
  for (const Value& item : value) read(item, items.emplace_back(), where);
}

template <class T>
void read(const Value& value, std::map<std::string, T>& map, const std::string& where) {
  if (!value.is_object()) throw unexpected(where, "an object", value);
  map.clear();
  for (const auto& [key, item] : value.items()) read(item, map[key], where + "." + key);
}

class Reader {
 public:
  Reader(const Value& object, const std::string& where) : object_(object), where_(where) {
    if (!object.is_object()) throw unexpected(where, "an object", object);
  }

  template <class T>
  void operator()(const char* key, T& member) {
    if (const Value* value = find(key)) read(*value, member, where_ + "." + key);
  }
  template <class T>
  void operator()(const char* key, std::optional<T>& member) {
    if (const Value* value = find(key)) read(*value, member.emplace(), where_ + "." + key);
  }
  template <class T>
  void required(const char* key, T& member) {
    if (!find(key)) throw bad_json(where_, fmt::format("`{}` is missing", key));
    (*this)(key, member);
  }
  template <class T>
  void unless_default(const char* key, T& member) {
    (*this)(key, member);
  }
  void named(const char* key, Named& member) {
    const Value* value = find(key);
    if (!value) return;
    const std::string where = where_ + "." + key;
    if (!value->is_object()) throw unexpected(where, "an object", *value);
    member.clear();
    for (const auto& [name, text] : value->items()) {
      read(text, member.emplace_back(name, "").second, where + "." + name);
    }
  }

 private:
  const Value* find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  const Value& object_;
  const std::string& where_;
};

template <Class S>
void read(const Value& value, S& described, const std::string& where) {
  Reader reader(value, where);
  describe(reader, described);
}

template <class T>
T read_as(const Value& value, const std::string& noun) {
  T result;
  read(value, result, noun);
  return result;
}

}  // namespace millrace::json::leaf

namespace millrace::json {

using leaf::read_as;

Value from(const Definition& definition) { return leaf::write(definition); }
Value from(const Limits& limits) { return leaf::write(limits); }
Value from(const Upkeep& upkeep) { return leaf::write(upkeep); }
Value from(const Audience& audience) { return leaf::write(audience); }
Value from(const Fingerprint& fingerprint) { return leaf::write(fingerprint); }
Value from(const Certificate& certificate) { return leaf::write(certificate); }
Value from(const FileEntry& file) { return leaf::write(file); }
Value from(const Version& version) { return leaf::write(version); }
Value from(const DayState& state) { return leaf::write(state); }
Value from(const WorkOrder& order) { return leaf::write(order); }
Value from(const Manifest& manifest) { return leaf::write(manifest); }
Value from(const Progress& progress) { return leaf::write(progress); }
Value from(const CheckResult& result) {
  Value value = leaf::write(result);
  if (result.error) value["error"] = from(*result.error);
  return value;
}
Value from(const ProbeReport& report) { return leaf::write(report); }
Value from(const Column& column) { return leaf::write(column); }
Value from(const Table& table) { return leaf::write(table); }

Value from(const Error& error) {
  Value object;
  object["fault"] = std::string(name_of(error.fault));
  object["code"] = leaf::write(error.code);
  object["message"] = leaf::write(std::string(error.what()));
  if (!error.advice.empty()) object["advice"] = leaf::write(error.advice);
  if (!error.where.empty()) object["where"] = leaf::write(error.where);
  if (error.retry_after) object["retry_after"] = error.retry_after->count();
  return object;
}

Value whole(const Error& error) {
  Value object = from(error);
  if (!error.in_full.empty()) object["in_full"] = leaf::write(error.in_full);
  return object;
}

Definition definition(const Value& value) { return read_as<Definition>(value, "definition"); }
Limits limits(const Value& value) { return read_as<Limits>(value, "limits"); }
Upkeep upkeep(const Value& value) { return read_as<Upkeep>(value, "upkeep"); }
Audience audience(const Value& value) { return read_as<Audience>(value, "audience"); }
Fingerprint fingerprint(const Value& value) { return read_as<Fingerprint>(value, "fingerprint"); }
Certificate certificate(const Value& value) { return read_as<Certificate>(value, "certificate"); }
FileEntry file(const Value& value) { return read_as<FileEntry>(value, "file"); }
Version version(const Value& value) { return read_as<Version>(value, "version"); }
DayState day_state(const Value& value) { return read_as<DayState>(value, "day_state"); }
WorkOrder work_order(const Value& value) { return read_as<WorkOrder>(value, "work_order"); }
Manifest manifest(const Value& value) { return read_as<Manifest>(value, "manifest"); }
Progress progress(const Value& value) { return read_as<Progress>(value, "progress"); }
CheckResult check_result(const Value& value) {
  CheckResult result = read_as<CheckResult>(value, "check_result");
  if (const auto failed = value.find("error"); failed != value.end()) result.error = error(*failed);
  return result;
}
ProbeReport probe_report(const Value& value) { return read_as<ProbeReport>(value, "probe_report"); }
Column column(const Value& value) { return read_as<Column>(value, "column"); }
Table table(const Value& value) { return read_as<Table>(value, "table"); }

Error error(const Value& value) {
  const std::string where = "error";
  leaf::Reader reader(value, where);
  Fault fault{};
  std::string code, message, advice;
  std::optional<std::int64_t> retry_after;
  reader.required("fault", fault);
  reader.required("code", code);
  reader.required("message", message);
  reader("advice", advice);
  Error result(fault, code, message, advice);
  reader("where", result.where);
  reader("in_full", result.in_full);
  reader("retry_after", retry_after);
  if (retry_after) result.retry_after = std::chrono::seconds(*retry_after);
  return result;
}

std::string text_in(const Value& object, std::string_view name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Value parse(std::string_view text, std::string_view what) {
  try {
    return Value::parse(text);
  } catch (const Value::parse_error& error) {
    // The library's own words quote the text, which may be a secret or a row.
    throw leaf::bad_json(what, fmt::format("not JSON at byte {} of {}", error.byte, text.size()));
  }
}

}  // namespace millrace::json
