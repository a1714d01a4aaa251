#include "sip/session_timer.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace sip {
namespace {

struct Wish {
  std::chrono::seconds interval{};
  std::string refresher;   // "uac", "uas", ""
};

std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  const auto number = base::parse_decimal(base::trim(text.substr(0, text.find(';'))));
  if (!number) return std::nullopt;
  return std::chrono::seconds(std::min<std::uint64_t>(*number, 7 * 24 * 3600));
}

std::optional<Wish> wish_of(const Message& message) {
  const Header* header = message.find(HeaderId::kSessionExpires);
  if (header == nullptr) return std::nullopt;
  const auto interval = seconds_of(header->value);
  if (!interval) return std::nullopt;
  const std::size_t semicolon = header->value.find(';');
  const Params params(semicolon == std::string_view::npos ? std::string_view{} : header->value.substr(semicolon));
  return Wish{*interval, base::to_lower(params.value("refresher"))};
}

}  // namespace

std::string SessionTimer::request_lines(bool initial) const {
  const Seconds interval = active_ ? interval_ : wanted_;
  std::string out = "Session-Expires: " + std::to_string(std::max(interval, min_se_).count());
  // Section 7.4: a refresh keeps who refreshes.
  if (!initial && active_) out += we_refresh_ ? ";refresher=uac" : ";refresher=uas";
  return out + "\r\nMin-SE: " + std::to_string(min_se_.count()) + "\r\n";
}

void SessionTimer::take_response(const Message& response) {
  const auto wish = wish_of(response);
  active_ = wish.has_value() && wish->interval >= Seconds(1);
  if (!active_) return;
  interval_ = wish->interval;
  we_refresh_ = wish->refresher != "uas";
}

bool SessionTimer::raise(const Message& response) {
  const auto minimum = seconds_of(response.value(HeaderId::kMinSe));
  if (!minimum || *minimum <= std::max(active_ ? interval_ : wanted_, min_se_)) return false;
  min_se_ = *minimum;
  wanted_ = std::max(wanted_, min_se_);
  interval_ = std::max(interval_, min_se_);
  return true;
}

bool SessionTimer::too_short(const Message& request) const {
  const auto wish = wish_of(request);
  // Section 5: 422 is only for those who understand it; for others the interval is raised.
  return wish && wish->interval < min_se_ && request.lists(HeaderId::kSupported, "timer");
}

std::string SessionTimer::take_request(const Message& request) {
  const auto wish = wish_of(request);
  const bool supported = request.lists(HeaderId::kSupported, "timer") || request.lists(HeaderId::kRequire, "timer");
  if (!wish && !supported) {
    active_ = false;
    return {};
  }
  const bool before = active_ && we_refresh_;
  active_ = true;
  const auto minimum = seconds_of(request.value(HeaderId::kMinSe)).value_or(Seconds(0));
  interval_ = std::max({wish ? wish->interval : wanted_, min_se_, wish ? Seconds(0) : minimum});
  // Table 2: without support by the peer only we can refresh.
  if (!supported || (wish && wish->refresher == "uas")) {
    we_refresh_ = true;
  } else if (wish && wish->refresher == "uac") {
    we_refresh_ = false;
  } else {
    we_refresh_ = !wish || before;
  }
  std::string out = "Session-Expires: " + std::to_string(interval_.count());
  out += we_refresh_ ? ";refresher=uas\r\n" : ";refresher=uac\r\n";
  if (!we_refresh_) out += "Require: timer\r\n";
  return out;
}

base::Duration SessionTimer::expire_after() const {
  const base::Duration whole = interval_;
  return whole - std::min<base::Duration>(std::chrono::seconds(32), whole / 3);
}

}  // namespace sip
