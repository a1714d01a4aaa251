// What sessions, subscriptions and requests outside of both share: answers, and requests from another way than the dialog's.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sip {

// What is said to a request.
struct Reply {
  int status = 200;
  std::string reason;                                           // "" : the RFC's phrase
  std::vector<std::pair<std::string, std::string>> headers;     // name, value
  std::string content_type;
  std::string body;
};

// A request that waits for its answer; answered once, now or later. Stale ids are ignored (its transaction timed out).
using RequestId = std::uint64_t;

// What becomes of an in-dialog request that came by another way than the dialog's (survival item 4).
enum class FlowChange {
  kRefuse,      // 403; of a subscription 481, so that the phone makes a new one
  kTake,        // answered by the way that it came; the dialog stays where it is (RFC 3261 section 18.1.1: TCP for what is too long for UDP)
  kMove,        // and the dialog goes on there
};

}  // namespace sip
