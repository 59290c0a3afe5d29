#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "model/day.h"

/// Tells people what became of their days: what is to be told (decide.h), how it reads (text.h),
/// how it travels (courier.h). DESIGN.md says why.
namespace millrace::notify {

enum class Channel {
  Mail,
  Direct,   ///< A Slack message to one person, by e-mail address.
  Slack,    ///< A Slack channel.
  Webhook,  ///< By the name of its table.
};
std::string_view name_of(Channel channel);  ///< "mail", "direct", "slack", "webhook"
Channel channel_named(const std::string& name);

struct Target {
  Channel channel = Channel::Mail;
  std::string name;
  auto operator<=>(const Target&) const = default;
};

enum class Kind {
  Failed,
  Held,
  NoData,
  Late,
  NotChecked,
  OverBudget,
  LeftOut,
  Recovered,
  Backfill,
  Digest,
  Test
};
std::string_view name_of(Kind kind);  ///< "failed", "held", "no_data" …
Kind kind_named(const std::string& name);

/// Days of one ingestion that ended alike.
struct Line {
  std::string ingestion;  ///< Its handle.
  std::string outcome;    ///< As `status_of` words it: "failed", "succeeded, no data" …
  Day first, last;
  std::int64_t days = 0;
  std::int64_t rows = 0, rejected = 0;
  std::optional<Error> error;  ///< The same object that the API and the terminal show.
  std::string note;            ///< Why it is held, or what an alert says.
  std::string run;
};

/// Days by how they ended; `recovered` of them had failed before.
struct Counts {
  std::int64_t succeeded = 0, no_data = 0, failed = 0, held = 0, recovered = 0;
  std::int64_t total() const { return succeeded + no_data + failed + held; }
};

/// What one target is told: facts only; text.h makes words of them.
struct Message {
  Kind kind = Kind::Test;
  std::string key;     ///< Of what it tells. The same key is never told twice to one target.
  std::string thread;  ///< Messages of one incident or one run have the same.
  Target target;
  Instant at;
  std::string connection;  ///< Of an incident.
  std::vector<Line> lines;
  std::int64_t more = 0;  ///< Lines that were left out.
  Counts counts;          ///< Digest and Backfill.
  std::string link;       ///< With {ingestion}, {day} and {run} to fill in; may be empty.
};

/// JSON text, for the outbox.
std::string written(const Message& message);
/// Throws BadData `bad_json`.
Message message_in(const std::string& text);

}  // namespace millrace::notify
