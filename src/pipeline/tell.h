#pragma once

#include <string>
#include <vector>

#include "pipeline/house.h"

namespace millrace::pipeline {

/// Executes what committed transactions still owe: publish records first, then one Delta commit per
/// table that carries every day published so far. Idempotent; called at every start and after
/// publishing. Looks at the tables also when nothing is owed, and undoes what others have written
/// there. Returns what a person should know: commits that are not ours, and current files that are
/// gone. An error leaves owed what is not done yet.
std::vector<std::string> tell_others(House& house);

/// The same after a commit, or before work that does not depend on it: an error is only logged, as
/// what was committed is true all the same and stays owed until the next start.
void try_to_tell_others(House& house);

/// Only the publish records: cheap enough after every publish.
void put_publish_records(House& house);

}  // namespace millrace::pipeline
