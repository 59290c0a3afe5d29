#include "base/error.h"

#include <array>

#include <fmt/format.h>

namespace millrace {
namespace {

constexpr std::array kFaults = {Fault::Misconfigured, Fault::BadData,  Fault::Throttled,
                                Fault::Unavailable,   Fault::Conflict, Fault::Cancelled};

}  // namespace

Policy policy_of(Fault fault) {
  switch (fault) {
    case Fault::Misconfigured:
    case Fault::BadData:
      return {.retry = false, .tells_a_person = true};
    case Fault::Throttled:
    case Fault::Unavailable:
    case Fault::Conflict:
      return {.retry = true, .tells_a_person = false};
    case Fault::Cancelled:
      return {.retry = false, .tells_a_person = false};
  }
  throw std::logic_error("a fault without a policy");
}

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::Misconfigured:
      return "misconfigured";
    case Fault::BadData:
      return "bad_data";
    case Fault::Throttled:
      return "throttled";
    case Fault::Unavailable:
      return "unavailable";
    case Fault::Conflict:
      return "conflict";
    case Fault::Cancelled:
      return "cancelled";
  }
  throw std::logic_error("a fault without a name");
}

Fault fault_named(std::string_view name) {
  for (const Fault fault : kFaults) {
    if (name_of(fault) == name) return fault;
  }
  throw Error(Fault::BadData, "unknown_fault", fmt::format("no fault is called \"{}\"", name));
}

Error::Error(Fault the_fault, std::string the_code, const std::string& message,
             std::string the_advice)
    : std::runtime_error(message),
      fault(the_fault),
      code(std::move(the_code)),
      advice(std::move(the_advice)) {}

Error Error::at(std::string_view place) const {
  Error located = *this;
  if (located.where.empty()) located.where = place;
  return located;
}

void check(bool holds, std::string_view assumption) {
  if (holds) return;
  throw std::logic_error(
      fmt::format("this is a mistake in Millrace itself: expected that {}", assumption));
}

}  // namespace millrace
