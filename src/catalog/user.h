#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"

namespace millrace::catalog {

/// A person who signs in. A role includes those below it: viewer, editor, admin.
struct User {
  std::string id;
  std::string email;     ///< In lower case.
  std::string password;  ///< argon2id, with its salt and costs.
  std::string role;      ///< "viewer" | "editor" | "admin"
  /// What editors may do with connections: "connection.use:shop", "rows.read:*".
  std::vector<std::string> grants;
  bool active = true;
  bool slack_direct = false;  ///< Wants what is mailed to them as a direct message in Slack, too.
  std::int64_t failures = 0;  ///< Wrong passwords since the last right one.
  std::optional<Instant> locked_until;  ///< After too many.
  Instant created_at;
};

/// Somebody signed in at a browser. Only digests are kept of what the browser has.
struct UserSession {
  std::string digest;  ///< Of the cookie.
  std::string csrf;    ///< Of the token that must come with every change.
  std::string user;    ///< Its id.
  Instant expires_at;
};

}  // namespace millrace::catalog
