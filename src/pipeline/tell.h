#pragma once

#include <string>
#include <vector>

#include "pipeline/house.h"

namespace millrace::pipeline {

/// Executes what committed transactions still owe: publish records first, then one Delta commit per
/// table that carries every day published so far. Idempotent; called at every start and after
/// publishing. Returns commits found in the Delta logs that are not ours.
std::vector<std::string> tell_others(House& house);

/// Only the publish records: cheap enough after every publish.
void put_publish_records(House& house);

}  // namespace millrace::pipeline
