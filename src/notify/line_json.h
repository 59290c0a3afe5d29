#pragma once

#include "model/json.h"
#include "notify/message.h"

namespace millrace::notify {

json::Value json_of(const Line& line);
/// Throws what nlohmann throws; the caller says which document it was.
Line line_in(const json::Value& value);

}  // namespace millrace::notify
