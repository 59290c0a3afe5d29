#pragma once

#include <set>
#include <string>
#include <vector>

#include "notify/message.h"

namespace millrace::notify {

/// A day that an incident hit.
struct Member {
  std::string ingestion;  ///< Its id.
  Line line;              ///< Of this day alone.
  Instant since;
  bool told = false;  ///< Everybody whom it concerns knows of it.
};

/// What went wrong in one place for one reason, however many days it hits: all failures of a
/// connection with one fault, all its held days, all that had no data. People hear of it when it
/// begins and, of failures and held days, once when none of its days is left.
struct Incident {
  std::string id;     ///< Its cause and when it began.
  std::string cause;  ///< "failed/unavailable/shop", "held/shop", "no_data/shop"
  Kind kind = Kind::Failed;
  std::string connection;
  Instant opened_at;
  std::optional<Instant> told_at, closed_at;
  int told = 0;  ///< How many times.
  std::vector<Member> members;
  std::vector<Member> gone;  ///< Told of, and well again.
  std::set<Target> knows;
};

std::string written(const Incident& incident);
/// `id`, `cause` and `opened_at` are columns of their own. Throws BadData `bad_json`.
Incident incident_in(const std::string& id, const std::string& cause, Instant opened_at,
                     const std::string& body);

}  // namespace millrace::notify
