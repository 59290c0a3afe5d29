#include "model/upkeep.h"

#include <stdexcept>

namespace millrace {

std::string_view name_of(ScheduleMode mode) {
  switch (mode) {
    case ScheduleMode::Daily:
      return "daily";
    case ScheduleMode::Api:
      return "api";
    case ScheduleMode::Manual:
      return "manual";
  }
  throw std::logic_error("a mode of a schedule without a name");
}

}  // namespace millrace
