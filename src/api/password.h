#pragma once

#include <string>

#include "base/secret.h"

namespace millrace::api {

/// argon2id, 64 MiB and two passes, with its salt and costs. Throws Misconfigured `weak_password`
/// for one with fewer than 10 characters.
std::string hash_of(const Secret& password);
/// Takes as long for a hash that is empty: who asks does not learn whether there is such a user.
bool is_password(const Secret& password, const std::string& hash);

}  // namespace millrace::api
