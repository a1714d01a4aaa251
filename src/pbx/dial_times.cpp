#include "pbx/dial_times.hpp"

#include <array>
#include <optional>

#include <fmt/format.h>

#include "base/text.hpp"

namespace pbx {
namespace {

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr int kMinutesOfDay = 24 * 60;

std::optional<std::size_t> day_of(std::string_view text) {
  for (std::size_t i = 0; i < kDays.size(); ++i) {
    if (base::equals_ignoring_case(base::trim(text), kDays[i])) return i;
  }
  return std::nullopt;
}

// "mon-fri", "sat,sun", "fri-mon"
bool read_days(std::string_view text, std::bitset<7>& days) {
  for (;;) {
    const auto comma = text.find(',');
    const auto part = text.substr(0, comma);
    const auto dash = part.find('-');
    const auto first = day_of(part.substr(0, dash));
    const auto last = dash == part.npos ? first : day_of(part.substr(dash + 1));
    if (!first || !last) return false;
    for (std::size_t day = *first;; day = (day + 1) % 7) {
      days.set(day);
      if (day == *last) break;
    }
    if (comma == text.npos) return true;
    text.remove_prefix(comma + 1);
  }
}

// "8:00", "24:00"
std::optional<int> read_time(std::string_view text) {
  text = base::trim(text);
  const auto colon = text.find(':');
  if (colon == text.npos || colon > 2 || text.size() != colon + 3) return std::nullopt;
  const auto hours = base::parse_decimal(text.substr(0, colon)), minutes = base::parse_decimal(text.substr(colon + 1));
  if (!hours || !minutes || *minutes > 59 || *hours * 60 + *minutes > std::uint64_t{kMinutesOfDay}) return std::nullopt;
  return static_cast<int>(*hours * 60 + *minutes);
}

}  // namespace

base::Result<DialTimes> DialTimes::parse(std::string_view text) {
  const auto wrong = [&] { return base::malformed(fmt::format("\"{}\" must be days, a time or both, as \"mon-fri 08:00-18:00\", \"sat,sun\" or \"22:00-06:00\"", text)); };
  DialTimes times;
  auto rest = base::trim(text);
  const auto digit = rest.find_first_of("0123456789");
  const auto days = base::trim(rest.substr(0, digit));
  if (days.empty()) times.days.set();
  else if (!read_days(days, times.days)) return wrong();
  if (digit == rest.npos) return rest.empty() ? base::Result<DialTimes>(wrong()) : times;
  rest.remove_prefix(digit);
  const auto dash = rest.find('-');
  const auto begin = read_time(rest.substr(0, dash));
  const auto end = dash == rest.npos ? std::nullopt : read_time(rest.substr(dash + 1));
  if (!begin || !end || *begin == kMinutesOfDay) return wrong();
  if (*begin == *end) return base::malformed(fmt::format("\"{}\" begins and ends at the same time", text));
  times.begin = *begin;
  times.end = *end == 0 ? kMinutesOfDay : *end;
  return times;
}

bool DialTimes::holds(std::chrono::local_seconds when) const {
  const auto date = std::chrono::floor<std::chrono::days>(when);
  const auto minute = static_cast<int>(std::chrono::floor<std::chrono::minutes>(when - date).count());
  const std::size_t today = std::chrono::weekday(date).c_encoding();
  if (begin < end) return days.test(today) && minute >= begin && minute < end;
  return (days.test(today) && minute >= begin) || (days.test((today + 6) % 7) && minute < end);
}

std::string weekday_and_time(std::chrono::local_seconds when) {
  const auto date = std::chrono::floor<std::chrono::days>(when);
  const auto minute = std::chrono::floor<std::chrono::minutes>(when - date).count();
  return fmt::format("{} {:02}:{:02}", kDays[std::chrono::weekday(date).c_encoding()], minute / 60, minute % 60);
}

}  // namespace pbx
