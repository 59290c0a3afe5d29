#pragma once

#include <nlohmann/json_fwd.hpp>

#include "model/work.h"

/// One JSON form per noun: on the pipe to a worker, in manifests and publish records, in the
/// catalog. Keys are the members' names; absent optionals are left out; unknown keys are ignored on
/// reading, so an older process can read a newer record. Reading throws Error `bad_json`.
namespace millrace::json {

using Value = nlohmann::ordered_json;

Value from(const Definition& definition);
Value from(const Limits& limits);
Value from(const Upkeep& upkeep);
Value from(const Audience& audience);
Value from(const Fingerprint& fingerprint);
Value from(const Certificate& certificate);
Value from(const FileEntry& file);
Value from(const Version& version);
Value from(const DayState& state);
Value from(const WorkOrder& order);
Value from(const Manifest& manifest);
Value from(const Progress& progress);
Value from(const CheckResult& result);
Value from(const ProbeReport& report);
Value from(const Column& column);
Value from(const Table& table);
/// Without `in_full`: for everybody.
Value from(const Error& error);
/// With it: between our processes, and for who may see rows.
Value whole(const Error& error);

Definition definition(const Value& value);
Limits limits(const Value& value);
Upkeep upkeep(const Value& value);
Audience audience(const Value& value);
Fingerprint fingerprint(const Value& value);
Certificate certificate(const Value& value);
FileEntry file(const Value& value);
Version version(const Value& value);
DayState day_state(const Value& value);
WorkOrder work_order(const Value& value);
Manifest manifest(const Value& value);
Progress progress(const Value& value);
CheckResult check_result(const Value& value);
ProbeReport probe_report(const Value& value);
Column column(const Value& value);
Table table(const Value& value);
Error error(const Value& value);

/// Parses, with the place named in the error.
Value parse(std::string_view text, std::string_view what);
/// A member's text, of JSON that somebody else wrote; empty where it is missing or none.
std::string text_in(const Value& object, std::string_view name);

}  // namespace millrace::json
