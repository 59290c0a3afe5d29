#pragma once

#include <map>
#include <mutex>
#include <string>

#include "catalog/catalog.h"

namespace millrace::api {

/// Brings calls that were refused (401, 403, 429) into the audit log. The first of its like is an
/// entry at once; those that follow within a minute are counted, and become one entry: whoever
/// knocks a thousand times a second must not keep the catalog busy. Thread-safe.
class RefusedCalls {
 public:
  /// `what`: "GET /console/v1/keys", of a route: nothing that the caller made up.
  void note(catalog::Catalog& catalog, const catalog::Actor& actor, const std::string& what,
            int status, Instant now);
  /// Writes what is only counted yet.
  void flush(catalog::Catalog& catalog);

 private:
  struct Counted {
    catalog::Actor actor;
    std::string what;
    int status = 0;
    Instant since;
    std::int64_t more = 0;  ///< Beside the first.
  };
  static void write(catalog::Catalog& catalog, const Counted& counted, std::int64_t count);

  std::mutex mutex_;
  std::map<std::string, Counted> recent_;  ///< By caller, route and status.
};

}  // namespace millrace::api
