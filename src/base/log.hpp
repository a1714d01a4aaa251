// The log: one line each, with what came from the network escaped. Any thread.
#pragma once

#include <spdlog/spdlog.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace base {

// Printable ASCII and UTF-8 kept, control characters and invalid bytes as \xHH, cut at `max` bytes:
// nothing from the network can start a line or colour a terminal.
std::string for_log(std::string_view untrusted, std::size_t max = 200);

// At most one line in `interval` for one place in the code; tells how many were left out. One thread.
class LogLimit {
 public:
  explicit LogLimit(Duration interval = std::chrono::seconds(10)) : interval_(interval) {}
  // True when a line may be written now; `suppressed` is how many were not, since the last.
  bool allow(TimePoint now, std::uint64_t& suppressed);

 private:
  Duration interval_;
  TimePoint next_{};
  std::uint64_t suppressed_ = 0;
};

}  // namespace base
