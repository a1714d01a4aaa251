// What the log says of pages that are refused for their origin, such as a site whose widget its line does not list: once for
// each, with what would let it in. Origins are strangers' words: escaped, cut, few remembered, seldom written. Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.hpp"

namespace app {

class OriginLog {
 public:
  static constexpr std::size_t kRemembered = 64;   // the oldest is forgotten, and said again when it comes again

  // The sentence to be written now; nothing where it was said before, or another one less than 10 s ago.
  std::optional<std::string> refused_by_line(std::string_view line, std::string_view origin, base::TimePoint now);
  std::optional<std::string> refused_by_listener(std::string_view listener, std::string_view origin, base::TimePoint now);

 private:
  std::optional<std::string> say(std::string_view what, std::string_view where, std::string_view origin, base::TimePoint now);

  std::mutex mutex_;
  std::deque<std::string> said_;
  base::LogLimit limit_;
};

}  // namespace app
