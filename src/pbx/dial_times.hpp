// When a rule of the dial plan holds: "mon-fri 08:00-18:00", "sat", "sun,wed 22:00-06:00", "09:00-17:00".
#pragma once

#include <bitset>
#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pbx {

struct DialTimes {
  std::bitset<7> days;                     // from Sunday; of the window's begin
  int begin = 0, end = 24 * 60;            // minutes of the day; end before begin: on the next day

  // kMalformed: the detail says what is wrong.
  static base::Result<DialTimes> parse(std::string_view text);
  bool holds(std::chrono::local_seconds when) const;
};

// "Mon 08:30"
std::string weekday_and_time(std::chrono::local_seconds when);

}  // namespace pbx
