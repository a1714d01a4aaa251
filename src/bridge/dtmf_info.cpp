#include "bridge/dtmf_info.hpp"

#include "base/text.hpp"

namespace bridge {
namespace {

constexpr std::string_view kDigits = "0123456789*#ABCD";
constexpr std::size_t kMaxBody = 256;

// By their character, or by the event's number (RFC 4733 section 3.2).
DtmfInfo read_signal(std::string_view signal) {
  if (signal.size() == 1) {
    const char digit = signal[0] >= 'a' && signal[0] <= 'd' ? static_cast<char>(signal[0] - 32) : signal[0];
    if (kDigits.find(digit) != kDigits.npos) return {.digit = digit};
  }
  const auto event = base::parse_decimal(signal);
  if (event && *event < kDigits.size()) return {.digit = kDigits[*event]};
  if (event && *event == 16) return {};                                     // a hook flash
  return {.malformed = true};
}

std::string_view signal_of(std::string_view body) {
  while (!body.empty()) {
    const auto end = std::min(body.find_first_of("\r\n"), body.size());
    const auto line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    const auto equals = line.find('=');
    if (equals != line.npos && base::equals_ignoring_case(base::trim(line.substr(0, equals)), "Signal")) return base::trim(line.substr(equals + 1));
  }
  return {};
}

}  // namespace

DtmfInfo read_dtmf_info(const sip::Message& info) {
  const auto type = info.media_type();
  const bool relay = type == "application/dtmf-relay";
  if (!relay && type != "application/dtmf") return {};
  if (info.body().size() > kMaxBody) return {.malformed = true};
  // Some phones write the relay's form under the other name.
  const bool named = relay || info.body().find('=') != std::string_view::npos;
  return read_signal(named ? signal_of(info.body()) : base::trim(info.body()));
}

}  // namespace bridge
