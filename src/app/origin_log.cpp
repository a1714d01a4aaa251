#include "app/origin_log.hpp"

#include <algorithm>

namespace app {

namespace {

// What a browser says of a page that has no origin of its own.
constexpr std::string_view kNoOrigin = "null";

}  // namespace

std::optional<std::string> OriginLog::refused_by_line(std::string_view line, std::string_view origin, base::TimePoint now) {
  const auto name = base::for_log(line);
  return say(fmt::format("webphone line {}", name), fmt::format("of the [[webphone_line]] {}", name), origin, now);
}

std::optional<std::string> OriginLog::refused_by_listener(std::string_view listener, std::string_view origin, base::TimePoint now) {
  return say(fmt::format("the WebSocket of {}", listener), "of this [[http]], or of a [[webphone_line]] where this has none", origin, now);
}

std::optional<std::string> OriginLog::say(std::string_view what, std::string_view where, std::string_view origin, base::TimePoint now) {
  const auto shown = base::for_log(origin);
  auto key = fmt::format("{} {}", what, shown);
  const std::lock_guard lock(mutex_);
  if (std::find(said_.begin(), said_.end(), key) != said_.end()) return std::nullopt;
  std::uint64_t suppressed = 0;
  if (!limit_.allow(now, suppressed)) return std::nullopt;
  if (said_.size() == kRemembered) said_.pop_front();
  said_.push_back(std::move(key));
  const auto others = suppressed == 0 ? std::string() : fmt::format(" ({} refusals of others not shown)", suppressed);
  if (origin == kNoOrigin) return fmt::format("{}: a page without an origin is refused: it was opened as a file, or is in a sandbox{}", what, others);
  return fmt::format("{}: pages of {} are refused; to let them in add that to \"origins\" {}{}", what, shown, where, others);
}

}  // namespace app
