#include "base/log.hpp"

#include "base/text.hpp"

namespace base {

std::string for_log(std::string_view untrusted, std::size_t max) {
  const bool cut = untrusted.size() > max;
  if (cut) untrusted = untrusted.substr(0, max);
  const bool utf8 = valid_utf8(untrusted);
  std::string result;
  result.reserve(untrusted.size() + 3);
  for (const char c : untrusted) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8)) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  if (cut) result += "...";
  return result;
}

bool LogLimit::allow(TimePoint now, std::uint64_t& suppressed) {
  if (now < next_) {
    ++suppressed_;
    return false;
  }
  next_ = now + interval_;
  suppressed = std::exchange(suppressed_, 0);
  return true;
}

}  // namespace base
