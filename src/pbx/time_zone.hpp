// The rules of a time zone, read from the system's files (TZif, RFC 8536) once and kept: what the clock on the wall of a place
// shows, whatever zone the process has, in any thread, for any moment.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace pbx {

// A POSIX TZ rule, as "CET-1CEST,M3.5.0,M10.5.0/3": what holds after the last change that a file lists.
struct ZoneRule {
  // A day of each year.
  struct Day {
    enum class Kind { kJulian /* 1 to 365, no 29 February */, kZeroBased, kWeekday } kind = Kind::kWeekday;
    int month = 1, week = 1, day = 0;    // day: of the week from Sunday, or of the year
    std::int64_t time = 7200;            // seconds of local time
  };
  std::int64_t standard = 0, summer = 0; // seconds east of Greenwich
  bool has_summer = false;
  Day begin, end;                        // of summer time

  static std::optional<ZoneRule> parse(std::string_view text);
  std::int64_t offset(std::int64_t utc) const;
};

// Thread: any; it never changes.
class TimeZone {
 public:
  TimeZone() = default;                  // UTC
  // "Europe/Berlin"; "" : the machine's (TZ, /etc/localtime, else UTC). kMalformed: no name of a zone, or a damaged file;
  // kNotFound: this machine has no such zone.
  static base::Result<TimeZone> load(std::string_view name);
  // The content of a file. kMalformed.
  static base::Result<TimeZone> parse(std::string_view tzif);

  std::chrono::seconds offset(base::WallTime when) const;           // east of Greenwich
  std::chrono::local_seconds local(base::WallTime when) const;
  // Of the two moments that an hour told twice means, the first; of one that is left out, the moment after the change.
  base::WallTime moment(std::chrono::local_seconds local) const;

 private:
  struct Change {
    std::int64_t at = 0;                 // seconds of UTC
    std::int64_t offset = 0;             // from then on
  };
  std::int64_t offset_at(std::int64_t utc) const;

  std::int64_t first_ = 0;               // before all changes
  std::vector<Change> changes_;          // in order
  std::optional<ZoneRule> rule_;
};

}  // namespace pbx
