#include "bridge/message_policy.hpp"

#include "base/text.hpp"

namespace bridge {
namespace {

bool matches(std::string_view pattern, std::string_view type) {
  if (pattern == "*/*") return true;
  if (pattern.ends_with("/*")) return base::starts_with_ignoring_case(type, pattern.substr(0, pattern.size() - 1));
  return base::equals_ignoring_case(pattern, type);
}

// "text/plain" without parameters, nor the white space that RFC 3261 section 25.1 allows at its slash; empty unless it is
// type "/" subtype.
std::string bare_type(std::string_view content_type) {
  const auto both = content_type.substr(0, content_type.find(';'));
  const auto slash = both.find('/');
  if (slash == both.npos) return {};
  const auto type = base::trim(both.substr(0, slash)), subtype = base::trim(both.substr(slash + 1));
  if (type.empty() || subtype.empty()) return {};
  return std::string(type).append("/").append(subtype);
}

}  // namespace

bool accepts_type(const MessagePolicy& policy, std::string_view media_type) {
  for (const auto& pattern : policy.accepted_types) {
    if (matches(pattern, media_type)) return true;
  }
  return false;
}

std::optional<sip::Reply> refuse_message(const MessagePolicy& policy, const sip::Message& message, base::TokenBucket& bucket,
                                         base::TimePoint now) {
  const auto unsupported = [&](std::string reason) {
    sip::Reply reply{.status = 415, .reason = std::move(reason)};
    std::string accept;
    for (const auto& type : policy.accepted_types) accept += (accept.empty() ? "" : ", ") + type;
    reply.headers.emplace_back("Accept", accept);
    return reply;
  };
  if (message.body().empty()) return unsupported("Message Without A Body");
  const auto type = bare_type(message.content_type());
  if (type.empty() || !accepts_type(policy, type)) return unsupported({});
  if (const auto encoding = message.value(sip::HeaderId::kContentEncoding);
      !encoding.empty() && !base::equals_ignoring_case(encoding, "identity")) {
    auto reply = unsupported("Content-Encoding Not Taken");
    reply.headers.emplace_back("Accept-Encoding", "identity");
    return reply;
  }
  if (message.body().size() > policy.max_body) return sip::Reply{.status = 413};
  if (!bucket.take(now)) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(bucket.wait(now)).count();
    return sip::Reply{.status = 503, .reason = "Sending Too Fast", .headers = {{"Retry-After", std::to_string(std::max<long>(1, seconds))}}};
  }
  return std::nullopt;
}

}  // namespace bridge
