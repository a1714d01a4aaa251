// Plain RTP, and calls that Parley makes.
#include "sdp/negotiation.hpp"
#include "support/sdp_peer.hpp"

namespace sdp {
namespace {

using namespace test_support;

std::string plain_offer(std::string_view more, std::string_view address = "192.0.2.7") {
  std::string s = "v=0\r\no=user1 53655765 2353687637 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 ";
  return ((s += address) += "\r\nt=0 0\r\n") += more;
}

TEST(PlainRtp, SippsOffer) {
  Negotiator n(local_config());
  const auto text = n.answer(plain_offer("m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"));
  ASSERT_TRUE(text) << text.error().detail;
  const auto d = parse(*text);
  EXPECT_EQ(d->media[0].formats, (std::vector<std::string>{"0"}));
  EXPECT_EQ(d->media[0].port, 8000);
  EXPECT_EQ(d->connection->address, "198.51.100.2");
  EXPECT_FALSE(d->ice_lite);
  EXPECT_FALSE(d->media[0].rtcp_mux);
  const auto& c = n.current();
  EXPECT_EQ(c.kind, TransportKind::kPlain);
  EXPECT_EQ(c.rtp->to_string(), "192.0.2.7:6000");
  EXPECT_EQ(c.rtcp->to_string(), "192.0.2.7:6001");
  n.set_remote_sources({video_source(1)});
  EXPECT_FALSE(n.needs_offer());
  EXPECT_EQ(n.undelivered().size(), 1u);
}

TEST(PlainRtp, BaresipsOffer) {
  Negotiator n(local_config());
  const auto text = n.answer(plain_offer(
      "a=tool:baresip 1.0.0\r\nm=audio 18320 RTP/AVP 96 0 8 101\r\nb=AS:128\r\na=rtpmap:96 opus/48000/2\r\n"
      "a=fmtp:96 stereo=1;sprop-stereo=1\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
      "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtcp:18399 IN IP4 192.0.2.9\r\na=rtcp-mux\r\na=sendrecv\r\n"
      "a=label:1\r\na=rtcp-rsize\r\na=ptime:20\r\nm=video 15634 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"));
  ASSERT_TRUE(text);
  const auto d = parse(*text);
  EXPECT_EQ(d->media[0].formats, (std::vector<std::string>{"96", "101"}));
  EXPECT_TRUE(d->media[0].rtcp_mux);
  EXPECT_EQ(d->media[1].port, 0);
  EXPECT_TRUE(n.current().rtcp_mux);
  EXPECT_EQ(n.current().rtcp->port(), 18320);
  EXPECT_EQ(n.current().sections[0].ptime, 20u);
  auto config = local_config();
  config.plain_audio = {"PCMA", "opus"};
  config.plain_rtcp_mux = false;
  Negotiator other(config);
  ASSERT_TRUE(other.answer(plain_offer("m=audio 18320 RTP/AVP 96 0 8 101\r\na=rtpmap:96 opus/48000/2\r\n"
                                       "a=rtpmap:101 telephone-event/8000\r\na=rtcp:18399 IN IP4 192.0.2.9\r\na=rtcp-mux\r\n")));
  EXPECT_EQ(other.current().sections[0].codecs.at(0).payload_type, 8);
  EXPECT_EQ(other.current().rtcp->to_string(), "192.0.2.9:18399");   // RFC 3605
}

// RFC 3264 8.4 and RFC 2543's way.
TEST(PlainRtp, HoldBothWays) {
  Negotiator n(local_config());
  const std::string audio = "m=audio 6000 RTP/AVP 0\r\n";
  ASSERT_TRUE(n.answer(plain_offer(audio)));
  const auto old_way = n.answer(plain_offer(audio, "0.0.0.0"));
  ASSERT_TRUE(old_way);
  EXPECT_EQ(n.current().sections[0].direction, Direction::kRecvOnly);
  EXPECT_EQ(n.current().rtp->to_string(), "192.0.2.7:6000");
  ASSERT_TRUE(n.answer(plain_offer(audio + "a=inactive\r\n")));
  EXPECT_EQ(n.current().sections[0].direction, Direction::kInactive);
  ASSERT_TRUE(n.answer(plain_offer(audio)));
  EXPECT_EQ(n.current().sections[0].direction, Direction::kSendRecv);
}

TEST(PlainRtp, Ipv6AndCryptoWithoutUse) {
  Negotiator n(local_config());
  ASSERT_TRUE(n.answer("v=0\no=- 1 1 IN IP6 2001:db8::7\ns=-\nc=IN IP6 2001:db8::7\nt=0 0\nm=audio 4000 RTP/AVPF 8\n"
                       "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"));
  EXPECT_EQ(n.current().rtp->to_string(), "[2001:db8::7]:4000");
  // Never from SRTP down to RTP (survival 15).
  Negotiator secure(local_config());
  EXPECT_FALSE(secure.answer(plain_offer("m=audio 4000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n")));
}

// RFC 3261 13.2.1: an INVITE without an offer is answered with ours.
TEST(OwnCall, PlainOfferAndAnswer) {
  Negotiator n(local_config());
  const auto offer = n.create_initial_offer(TransportKind::kPlain, true);
  ASSERT_TRUE(offer);
  const auto d = parse(*offer);
  ASSERT_EQ(d->media.size(), 1u);
  EXPECT_EQ(d->media[0].protocol, "RTP/AVP");
  EXPECT_EQ(d->media[0].formats, (std::vector<std::string>{"96", "9", "0", "8", "97", "101"}));   // RFC 3551 4.5.2, 6: G.722 is 9
  // The peer has numbers of its own (RFC 3264 6.1) and prefers PCMA.
  ASSERT_TRUE(n.apply_answer(plain_offer("m=audio 6000 RTP/AVP 8 110 100\r\na=rtpmap:110 opus/48000/2\r\n"
                                         "a=rtpmap:100 telephone-event/8000\r\na=ptime:30\r\n")));
  const auto& audio = n.current().sections[0];
  EXPECT_EQ(audio.codecs.at(0).name, "PCMA");
  EXPECT_EQ(audio.codecs.at(1).payload_type, 110);
  EXPECT_EQ(audio.codecs.at(1).receive_payload_type, 96);
  EXPECT_EQ(audio.telephone_events.at(0).payload_type, 100);
  EXPECT_EQ(audio.telephone_events.at(0).receive_payload_type, 101);
  EXPECT_EQ(audio.ptime, 30u);
  EXPECT_TRUE(n.established());
  ASSERT_TRUE(n.answer(plain_offer("m=audio 6000 RTP/AVP 8\r\na=sendonly\r\n")));
  EXPECT_EQ(n.current().sections[0].direction, Direction::kRecvOnly);
}

TEST(OwnCall, WebrtcOfferAndAnswer) {
  auto config = local_config();
  config.video = VideoMode::kTwoWay;
  Negotiator n(config);
  const auto offer = n.create_initial_offer(TransportKind::kWebrtc, true);
  ASSERT_TRUE(offer);
  const auto d = parse(*offer);
  ASSERT_EQ(d->media.size(), 2u);
  EXPECT_EQ(d->groups.at(0).mids.size(), 2u);
  EXPECT_EQ(d->media[0].setup, Setup::kActpass);   // RFC 8842 5.2
  EXPECT_EQ(d->media[1].direction, Direction::kSendRecv);
  EXPECT_EQ(d->media[1].rtpmaps.size(), 8u);
  std::set<std::string> formats;
  std::size_t listed = 0;
  for (const auto& m : d->media) {
    formats.insert(m.formats.begin(), m.formats.end());
    listed += m.formats.size();
  }
  EXPECT_EQ(formats.size(), listed);
  ASSERT_TRUE(n.apply_answer(chromium_answer(*offer)));
  EXPECT_EQ(n.current().dtls_role, DtlsRole::kServer);
  EXPECT_EQ(n.current().sections[1].direction, Direction::kSendRecv);
  EXPECT_EQ(n.current().sections[1].publishes, Publishes::kCamera);
  const auto again = n.create_offer();
  ASSERT_TRUE(again);
  EXPECT_EQ(parse(*again)->media[0].setup, Setup::kPassive);
}

TEST(OwnCall, PeerTakesTheServersRole) {
  Negotiator n(local_config());
  const auto offer = n.create_initial_offer(TransportKind::kWebrtc, false);
  ASSERT_TRUE(n.apply_answer(replace_all(chromium_answer(*offer), "a=setup:active", "a=setup:passive")));
  EXPECT_EQ(n.current().dtls_role, DtlsRole::kClient);
}

TEST(OwnCall, RoomsVideoIsReceivedAndSlotsFollow) {
  Negotiator n(local_config());
  const auto offer = n.create_initial_offer(TransportKind::kWebrtc, true);
  EXPECT_EQ(parse(*offer)->media[1].direction, Direction::kRecvOnly);
  ASSERT_TRUE(n.apply_answer(chromium_answer(*offer)));
  n.set_remote_sources({video_source(5)});
  ASSERT_TRUE(n.needs_offer());
  const auto more = n.create_offer();
  ASSERT_TRUE(n.apply_answer(chromium_answer(*more)));
  EXPECT_TRUE(n.current().slot_of(5));
}

TEST(OwnCall, RefusedThenMadeAgain) {
  Negotiator n(local_config());
  ASSERT_TRUE(n.create_initial_offer(TransportKind::kWebrtc, false));
  EXPECT_FALSE(n.create_initial_offer(TransportKind::kPlain, false));
  n.rollback();
  const auto offer = n.create_initial_offer(TransportKind::kPlain, false);
  ASSERT_TRUE(offer);
  EXPECT_FALSE(n.apply_answer(replace_all(plain_offer("m=audio 6000 RTP/AVP 0\r\n"), "m=audio 6000", "m=audio 0")));
  ASSERT_TRUE(n.apply_answer(plain_offer("m=audio 6000 RTP/AVP 0\r\n")));
}

TEST(OwnCall, NoReofferBeforeTheFirst) {
  Negotiator n(local_config());
  EXPECT_EQ(n.create_offer().error().code, base::ErrorCode::kConflict);
  n.set_remote_sources({video_source(1)});
  EXPECT_FALSE(n.needs_offer());
}

// A two-way call's own m-line carries video both ways.
TEST(TwoWay, AnswersSendrecv) {
  auto config = local_config();
  config.video = VideoMode::kTwoWay;
  Negotiator n(config);
  const auto text = n.answer(read_sdp("chromium-offer"));
  ASSERT_TRUE(text);
  const auto d = parse(*text);
  EXPECT_EQ(d->media[1].direction, Direction::kSendRecv);
  EXPECT_EQ(d->media[1].ssrcs.size(), 2u);
  EXPECT_NE(n.current().sections[1].ssrc, 0u);
  EXPECT_NE(n.current().sections[1].rtx_ssrc, n.current().sections[1].ssrc);
}

TEST(TwoWay, VideoOff) {
  auto config = local_config();
  config.video = VideoMode::kNone;
  Negotiator n(config);
  const auto text = n.answer(read_sdp("chromium-offer"));
  ASSERT_TRUE(text);
  EXPECT_EQ(parse(*text)->media[1].port, 0);
  EXPECT_EQ(parse(*text)->groups.at(0).mids.size(), 1u);
}

// Whatever a stranger's text does to the captures, one's own session stays as it was or becomes a sound one.
TEST(Hostile, DamagedOffersAndAnswers) {
  std::uint32_t seed = 1;
  const auto random = [&] { return (seed = seed * 1664525u + 1013904223u) >> 8; };
  const auto good = read_sdp("chromium-offer");
  for (int i = 0; i < 400; ++i) {
    Negotiator n(local_config());
    ASSERT_TRUE(n.answer(good));
    n.set_remote_sources({video_source(1), video_source(2)});
    const auto offer = n.create_offer();
    ASSERT_TRUE(offer);
    auto text = chromium_answer(*offer);
    for (int k = 0; k < 3; ++k) {
      const auto at = random() % text.size();
      if (random() % 2) text[at] = static_cast<char>(random());
      else text.erase(at, random() % 30);
    }
    const auto before = n.current();
    if (!n.apply_answer(text)) {
      EXPECT_EQ(n.current(), before);
      n.rollback();
    }
    auto reoffer = good;
    reoffer.erase(random() % reoffer.size(), random() % 200);
    (void)n.answer(reoffer);
    EXPECT_GE(n.current().sections.size(), 2u);
  }
}

}  // namespace
}  // namespace sdp
