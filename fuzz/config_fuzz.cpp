// Configuration files: whatever they hold, there is a configuration that can be served, or one line that says where it is wrong.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "app/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = app::parse_config(text, "f");
  if (!config) {
    const auto& detail = config.error().detail;
    if (!detail.starts_with("f:") || detail.size() > 2000) std::abort();
    for (const char c : detail) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
    }
    return 0;
  }
  if (config->http.empty() || config->sip.empty() || config->rooms.video_codecs.empty() || config->algorithms.empty()) std::abort();
  if (config->default_expires < config->min_expires || config->default_expires > config->max_expires) std::abort();
  for (const auto& listener : config->http) {
    if (!listener.address.valid()) std::abort();
    // Survival item 23
    if (!listener.address.is_loopback() && text.find("guests") == text.npos && text.find('\\') == text.npos) std::abort();
  }
  return 0;
}
