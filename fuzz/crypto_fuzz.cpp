// The value of a=crypto (RFC 4568): one that is taken is written as what was read, and a choice is one of the lines.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "sdp/sdes.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at <= text.size() && lines.size() < 100;) {
    const auto end = std::min(text.find('\n', at), text.size());
    lines.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  bool any = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto taken = sdp::parse_crypto(lines[i]);
    if (!taken) continue;
    any |= i < 64;
    require(!taken->tag.empty() && taken->tag.size() <= 9);
    const auto again = sdp::parse_crypto(sdp::write_crypto(*taken));
    require(again && again->tag == taken->tag && again->key == taken->key);
  }
  const auto chosen = sdp::choose_crypto(lines);
  require(chosen.has_value() == any);
  if (chosen) {
    require(std::any_of(lines.begin(), lines.end(), [&](const auto& line) {
      const auto one = sdp::parse_crypto(line);
      return one && one->tag == chosen->tag && one->key == chosen->key;
    }));
  }
  return 0;
}
