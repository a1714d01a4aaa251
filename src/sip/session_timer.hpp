// Session timers (RFC 4028): the negotiation and the two times that come of it, as values. No timers of its own.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "sip/message.hpp"

namespace sip {

class SessionTimer {
 public:
  using Seconds = std::chrono::seconds;
  SessionTimer(Seconds wanted, Seconds min_se) : wanted_(wanted), min_se_(min_se) {}

  // An INVITE or UPDATE of ours: lines to add. `initial`: no roles yet, the peer chooses.
  std::string request_lines(bool initial) const;
  // Its 2xx (section 7.2).
  void take_response(const Message& response);
  // Its 422 (section 7.3): true when asking again with the peer's minimum makes sense.
  bool raise(const Message& response);

  // An INVITE or UPDATE of the peer's (section 9). True: it is too short for us, answer 422 with Min-SE.
  bool too_short(const Message& request) const;
  // Takes its wish; lines for the 2xx: Session-Expires, and Require where the peer refreshes.
  std::string take_request(const Message& request);

  bool active() const { return active_; }
  bool we_refresh() const { return active_ && we_refresh_; }
  Seconds interval() const { return interval_; }
  Seconds min_se() const { return min_se_; }
  // Section 10: half of the interval; and when the one who waits gives up: the lesser of 32 s and a third before its end.
  base::Duration refresh_after() const { return interval_ / 2; }
  base::Duration expire_after() const;

 private:
  Seconds wanted_, min_se_;
  Seconds interval_{};
  bool active_ = false;
  bool we_refresh_ = false;
};

}  // namespace sip
