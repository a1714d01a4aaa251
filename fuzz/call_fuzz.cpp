// What is parsed out of requests in a call: Refer-To, Replaces, digits by INFO.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bridge/dtmf_info.hpp"
#include "sip/refer.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

sip::MessagePtr request(std::string_view method, std::string_view headers, std::string_view body) {
  std::string text(method);
  text.append(" sip:parley@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\n"
              "To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 5 ").append(method).append("\r\n").append(headers);
  text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  const auto message = sip::Message::parse(base::share(std::move(text)));
  return message ? *message : nullptr;
}

void replaces(std::string_view text) {
  const auto first = sip::Replaces::parse(text);
  if (!first) return;
  require(!first->call_id.empty() && !first->to_tag.empty() && !first->from_tag.empty());
  const auto again = sip::Replaces::parse(first->to_string());
  require(again.has_value() && again->call_id == first->call_id && again->to_tag == first->to_tag && again->from_tag == first->from_tag);
  require(again->early_only == first->early_only);
}

void refer(const sip::Message& message) {
  const auto wanted = sip::parse_refer(message);
  if (!wanted) {
    require(wanted.error().status >= 400 && wanted.error().status < 700);
    return;
  }
  require(!wanted->target.empty() && wanted->target.find_first_of("\r\n") == std::string::npos);
  if (wanted->replaces) replaces(wanted->replaces->to_string());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  replaces(text);
  if (const auto message = request("REFER", "Refer-To: " + std::string(text) + "\r\n", {})) refer(*message);
  for (const auto* type : {"application/dtmf-relay", "application/dtmf", "text/plain"}) {
    const auto info = request("INFO", "Content-Type: " + std::string(type) + "\r\n", text);
    if (!info) continue;
    const auto digits = bridge::read_dtmf_info(*info);
    require(digits.digit == 0 || (!digits.malformed && std::string_view("0123456789*#ABCD").find(digits.digit) != std::string_view::npos));
  }
  return 0;
}
