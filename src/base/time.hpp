// The clock that is passed in as a parameter. Only `runtime`, `app` and tests read the real one.
#pragma once

#include <chrono>

namespace base {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::system_clock::time_point;

constexpr TimePoint kNever = TimePoint::max();

}  // namespace base
