#include "model/work.h"

#include <stdexcept>

namespace millrace {

std::string_view name_of(Verb verb) {
  switch (verb) {
    case Verb::Probe:
      return "probe";
    case Verb::Browse:
      return "browse";
    case Verb::Columns:
      return "columns";
    case Verb::Describe:
      return "describe";
    case Verb::Sample:
      return "sample";
    case Verb::Scalar:
      return "scalar";
    case Verb::Count:
      return "count";
    case Verb::Check:
      return "check";
    case Verb::Load:
      return "load";
    case Verb::Replay:
      return "replay";
    case Verb::Validate:
      return "validate";
    case Verb::Cancel:
      return "cancel";
  }
  throw std::logic_error("a verb without a name");
}

}  // namespace millrace
