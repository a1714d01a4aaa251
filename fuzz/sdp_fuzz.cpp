// Session descriptions from strangers: what is parsed and written is parsed to the same again, and a negotiator takes
// the text as an offer and as an answer without harm.
#include <cstdlib>
#include <string_view>

#include "sdp/description.hpp"
#include "sdp/negotiation.hpp"

namespace {

sdp::LocalConfig config() {
  sdp::LocalConfig c;
  c.webrtc_address = "192.0.2.1";
  c.webrtc_port = 7000;
  c.rtp_port = 8000;
  c.ice = {"abcdefgh", "abcdefghabcdefghabcdefgh"};
  c.candidates = {"1 1 udp 2130706431 192.0.2.1 7000 typ host"};
  return c;
}

void negotiate(std::string_view text) {
  sdp::Negotiator answering(config());
  std::vector<sdp::RemoteSource> sources(2);
  sources[0] = {1, "alice", "", "", "VP8", "", "main"};
  sources[1] = {2, "bob", "", "", "H264", "packetization-mode=1;profile-level-id=42e01f", "slides"};
  if (answering.answer(text)) {
    answering.set_remote_sources(sources);
    if (answering.needs_offer() && answering.create_offer() && !answering.apply_answer(text)) answering.rollback();
    (void)answering.answer(text);
  }
  for (const auto kind : {sdp::TransportKind::kPlain, sdp::TransportKind::kWebrtc}) {
    sdp::Negotiator offering(config());
    if (offering.create_initial_offer(kind, true) && offering.apply_answer(text)) (void)offering.answer(text);
  }
  auto secured = config();
  secured.sdes = sdp::SdesPolicy::kOffer;
  sdp::Negotiator offering(std::move(secured));
  if (offering.create_initial_offer(sdp::TransportKind::kPlain, false) && offering.apply_answer(text) && !offering.current().sdes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto first = sdp::parse(text)) {
    const auto written = sdp::write(*first);
    const auto second = sdp::parse(written);
    // Writing may be longer than what was read, and so over the limit; nothing else may fail.
    if (second ? sdp::write(*second) != written : second.error().code != base::ErrorCode::kTooLarge) std::abort();
  }
  negotiate(text);
  return 0;
}
