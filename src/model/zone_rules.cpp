#include "model/zone_rules.h"

#include <algorithm>
#include <bit>
#include <filesystem>

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "model/yearly_rule.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using std::chrono::sys_seconds;

/// Before the first year no zone had a law; after the last one nobody knows.
constexpr std::chrono::year kFirst(1800), kLast(2200);

fs::path folder() {
  const std::string chosen = environment_variable("TZDIR");
  fs::path path = chosen.empty() ? "/usr/share/zoneinfo" : chosen;
  if (!fs::is_directory(path)) {
    throw Error(Fault::Misconfigured, "no_time_zones",
                fmt::format("looking for time zone data in {} found no such folder", path.string()),
                "Install it with `apt-get install tzdata`");
  }
  return path;
}

/// Names of zones start with a capital; "right/…", "posix/…", "localtime" and tables do not.
bool may_be_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+' || c == '/';
  };
  return !name.empty() && name.front() >= 'A' && name.front() <= 'Z' && name != "Factory" &&
         std::all_of(name.begin(), name.end(), is_plain);
}

/// A compiled zone file as RFC 8536 describes it: numbers are big-endian.
class ZoneFile {
 public:
  explicit ZoneFile(std::string bytes) : bytes_(std::move(bytes)) {}

  bool is_zone() const { return bytes_.size() >= 44 && bytes_.starts_with("TZif"); }

  /// From version 2 on a block with 64-bit times follows the old one, then a rule as text.
  ZoneRules rules() {
    require(bytes_[4] >= '2');
    const Counts old = counts();
    position_ += old.times * 5 + old.rest(4);
    const Counts now = counts();
    const std::size_t times = position_, kinds = times + now.times * 8;
    const std::size_t offsets = kinds + now.times;
    position_ = offsets;
    require(now.types > 0);
    ZoneRules rules;
    rules.add(Instant::min(), offset(offsets, 0));
    for (std::size_t i = 0; i < now.times; ++i) {
      const sys_seconds since(seconds(number<std::int64_t>(times + 8 * i)));
      const std::size_t kind = number<std::uint8_t>(kinds + i);
      require(kind < now.types);
      if (since >= std::chrono::sys_days(kFirst / 1 / 1)) rules.add(since, offset(offsets, kind));
    }
    position_ += now.rest(8);
    require(position_ < bytes_.size() && bytes_[position_] == '\n' && bytes_.back() == '\n');
    const std::string_view rule = std::string_view(bytes_).substr(position_ + 1);
    if (const auto yearly = YearlyRule::parse(rule.substr(0, rule.size() - 1))) {
      continue_with(*yearly, rules);
    }
    return rules;
  }

 private:
  struct Counts {
    std::size_t universal = 0, standard = 0, leaps = 0, times = 0, types = 0, letters = 0;
    /// Bytes of a block behind its times, whose leap seconds have times of so many bytes.
    std::size_t rest(std::size_t time_bytes) const {
      return types * 6 + letters + leaps * (time_bytes + 4) + standard + universal;
    }
  };

  static void require(bool holds) {
    if (!holds) throw std::runtime_error("it is damaged or of an unknown version");
  }

  template <class T>
  T number(std::size_t at) const {
    require(at + sizeof(T) <= bytes_.size());
    std::make_unsigned_t<T> value = 0;
    for (std::size_t byte = 0; byte < sizeof(T); ++byte) {
      const auto next = static_cast<unsigned char>(bytes_[at + byte]);
      value = static_cast<std::make_unsigned_t<T>>((std::uint64_t{value} << 8) | next);
    }
    return std::bit_cast<T>(value);
  }

  Counts counts() {
    const auto count = [&](std::size_t i) {
      return std::size_t{number<std::uint32_t>(position_ + 20 + 4 * i)};
    };
    const Counts counts{count(0), count(1), count(2), count(3), count(4), count(5)};
    position_ += 44;
    return counts;
  }

  seconds offset(std::size_t offsets, std::size_t kind) const {
    return seconds(number<std::int32_t>(offsets + 6 * kind));
  }

  /// The files list jumps until 2037 at most; the rule says how it goes on.
  static void continue_with(const YearlyRule& rule, ZoneRules& rules) {
    const Instant listed = rules.pieces.back().since;
    const auto add = [&](sys_seconds since, seconds offset) {
      if (since > listed) rules.add(since, offset);
    };
    const std::chrono::year_month_day from(std::chrono::floor<std::chrono::days>(listed));
    for (auto year = std::max(from.year(), kFirst); year < kLast; ++year) {
      const auto [begins, ends] = rule.jumps(year);
      if (begins < ends) add(begins, rule.summer);
      add(ends, rule.winter);
      if (begins >= ends) add(begins, rule.summer);
    }
  }

  std::string bytes_;
  std::size_t position_ = 0;
};

}  // namespace

void ZoneRules::add(Instant since, std::chrono::seconds offset) {
  if (pieces.empty()) {
    pieces.push_back({Naive::min(), Instant::min(), offset, {}});
    return;
  }
  const ZonePiece& last = pieces.back();
  if (last.offset == offset) return;
  ZonePiece piece{Naive(since.time_since_epoch() + last.offset), since, offset, {}};
  // A second jump within the hour that the clocks went back leaves nothing for the piece between.
  if (piece.begins <= last.begins) {
    piece.begins = last.begins;
    pieces.pop_back();
  }
  if (Instant(piece.begins.time_since_epoch() - offset) < since) piece.floor = since;
  pieces.push_back(piece);
}

std::optional<ZoneRules> iana_rules(std::string_view name) {
  if (!may_be_name(name)) return {};
  const fs::path path = folder() / name;
  if (!fs::is_regular_file(path)) return {};
  ZoneFile zone(file::read(path));
  if (!zone.is_zone()) return {};
  try {
    return zone.rules();
  } catch (const std::runtime_error& error) {
    throw Error(
        Fault::Misconfigured, "no_time_zones",
        fmt::format("reading the time zone file {} failed: {}", path.string(), error.what()),
        "Install it again with `apt-get install --reinstall tzdata`");
  }
}

std::vector<std::string> iana_names() {
  std::vector<std::string> names;
  const fs::path root = folder();
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = entry.path().lexically_relative(root).string();
    if (entry.is_regular_file() && may_be_name(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace millrace
