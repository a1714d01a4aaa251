// What a bridge takes as a message, and what it says to the rest (spec A.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/rate_limit.hpp"
#include "base/time.hpp"
#include "sip/message.hpp"
#include "sip/user_agent.hpp"

namespace bridge {

struct MessagePolicy {
  std::vector<std::string> accepted_types{"text/*", "application/*", "message/*"};   // lower case
  std::size_t max_body = 64 * 1024;       // bytes
  double rate = 1000, burst = 2000;        // messages a second of one sender; 0: no limit
};

// Is `media_type` ("text/plain", any case) in the list?
bool accepts_type(const MessagePolicy& policy, std::string_view media_type);

// The refusal that `message` deserves, or empty. `bucket` is its sender's.
std::optional<sip::Reply> refuse_message(const MessagePolicy& policy, const sip::Message& message, base::TokenBucket& bucket,
                                         base::TimePoint now);

}  // namespace bridge
