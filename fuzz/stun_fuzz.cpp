// STUN parsing and the ICE-lite agent's answers to any datagram.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "webrtc/ice_lite.hpp"
#include "webrtc/stun.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool within(base::ByteView outer, const void* data, std::size_t size) {
  const auto* p = static_cast<const std::uint8_t*>(data);
  return size == 0 || (p >= outer.data() && p + size <= outer.data() + outer.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::ByteView bytes(data, size);
  // The samples' credentials, RFC 5769 section 2.
  const std::string password = "VOkJxbRl1RmTxUk/WvJxBt";
  const auto message = webrtc::parse_stun(bytes);
  bool proven = false;
  if (message) {
    proven = message->integrity_ok(password);
    require(message->bytes.size() == size && size % 4 == 0);
    if (message->username) require(within(bytes, message->username->data(), message->username->size()));
    require(within(bytes, message->error_reason.data(), message->error_reason.size()));
    require(within(bytes, message->unknown_attributes.data(), message->unknown_attributes.size()));
  }
  if (const auto ufrag = webrtc::stun_local_ufrag(bytes))
    require(message && within(bytes, ufrag->data(), ufrag->size()));

  webrtc::IceLite agent({"evtj", password});
  agent.set_remote_ufrag("h6vY");
  const auto from = *base::SocketAddress::parse("192.0.2.1", 32853);
  const auto outcome = agent.on_stun(bytes, from, base::TimePoint(std::chrono::seconds(1)));
  require(!outcome.authenticated || proven);
  require(agent.is_validated(from) == outcome.authenticated);
  if (!outcome.response.empty()) {
    const auto response = webrtc::parse_stun(outcome.response);
    require(response && response->has_fingerprint);
    require(!outcome.authenticated || response->mapped_address == from);
  }
  return 0;
}
