// Parley offers again: a slot for each video that others send.
#include "sdp/negotiation.hpp"
#include "support/sdp_peer.hpp"

namespace sdp {
namespace {

using namespace test_support;

std::vector<RemoteSource> sources(std::initializer_list<std::uint64_t> ids) {
  std::vector<RemoteSource> result;
  for (const auto id : ids) result.push_back(video_source(id));
  return result;
}

struct Leg {
  Negotiator n{local_config()};
  std::string offer;

  explicit Leg(std::string first = read_sdp("chromium-offer")) { EXPECT_TRUE(n.answer(first)); }
  // One exchange begun by us, answered as Chromium does.
  Description exchange(const std::set<std::string>& refuse = {}) {
    EXPECT_TRUE(n.needs_offer());
    const auto text = n.create_offer();
    EXPECT_TRUE(text);
    offer = *text;
    const auto status = n.apply_answer(chromium_answer(offer, refuse));
    EXPECT_TRUE(status) << status.error().detail;
    return *parse(offer);
  }
};

// A.6: one re-INVITE with all that exist.
TEST(Slots, JoinerIsOfferedAllSourcesAtOnce) {
  Leg leg;
  leg.n.set_remote_sources(sources({11, 12}));
  const auto d = leg.exchange();
  ASSERT_EQ(d.media.size(), 4u);
  EXPECT_EQ(d.media[0].direction, Direction::kSendRecv);
  EXPECT_EQ(d.media[1].direction, Direction::kRecvOnly);
  EXPECT_EQ(d.groups.at(0).mids.size(), 4u);
  for (const std::size_t i : {2u, 3u}) {
    const auto& m = d.media[i];
    EXPECT_EQ(m.direction, Direction::kSendOnly);
    EXPECT_EQ(m.label, "p1" + std::to_string(i - 1));
    EXPECT_EQ(m.msids.size(), 1u);
    EXPECT_EQ(m.formats, (std::vector<std::string>{"96", "97"}));
    EXPECT_EQ(m.ssrc_groups.size(), 1u);
    EXPECT_EQ(m.ssrcs.size(), 2u);
    EXPECT_EQ(m.setup, Setup::kPassive);   // A.5: the role is held
  }
  EXPECT_NE(d.media[2].msids, d.media[3].msids);
  EXPECT_FALSE(leg.n.needs_offer());
  const auto* slot = leg.n.current().slot_of(12);
  ASSERT_TRUE(slot);
  EXPECT_EQ(slot->direction, Direction::kSendOnly);
  EXPECT_EQ(slot->ssrc, d.media[3].ssrcs[0].ssrc);
  EXPECT_EQ(slot->rtx_ssrc, d.media[3].ssrcs[1].ssrc);
  EXPECT_EQ(slot->codecs.at(0).payload_type, 96);
  EXPECT_EQ(slot->codecs.at(0).rtx_payload_type, 97);
  EXPECT_EQ(leg.n.current().dtls_role, DtlsRole::kServer);
}

// The captured answer itself, with the mids of our offer and the DTLS role that we leave to the peer. It lists three
// codecs where we offer one, and a audio codec that we did not: what wasn't offered is overlooked.
TEST(Slots, CapturedAnswerOfChromium) {
  Leg leg;
  leg.n.set_remote_sources(sources({11, 12}));
  const auto offer = leg.n.create_offer();
  ASSERT_TRUE(offer);
  auto answer = replace_all(read_sdp("join-answer"), "a=setup:passive", "a=setup:active");
  answer = replace_all(answer, "video-2", parse(*offer)->media[2].mid);
  answer = replace_all(answer, "video-3", parse(*offer)->media[3].mid);
  answer = replace_all(answer, "SAVPF 9 0 8 126", "SAVPF 111 9 0 8 126");
  answer = replace_all(answer, "a=rtpmap:9 G722/8000\r\n", "a=rtpmap:9 G722/8000\r\na=rtpmap:111 opus/48000/2\r\n");
  const auto status = leg.n.apply_answer(answer);
  ASSERT_TRUE(status) << status.error().detail;
  const auto* slot = leg.n.current().slot_of(11);
  ASSERT_TRUE(slot);
  EXPECT_EQ(slot->codecs.size(), 1u);
  EXPECT_FALSE(slot->codecs[0].rtx_payload_type);       // the capture has none
  EXPECT_FALSE(slot->codecs[0].feedback.nack_pli);      // nor this
  EXPECT_EQ(leg.n.current().sections[1].publishes, Publishes::kCamera);
}

// RFC 3264 8.2, RFC 8829 5.2.2: port 0, then the same m-line under a new mid and msid.
TEST(Slots, LeaverFreesASlotAndTheNextTakesIt) {
  Leg leg;
  leg.n.set_remote_sources(sources({11, 12}));
  const auto first = leg.exchange();
  leg.n.set_remote_sources(sources({12}));
  const auto left = leg.exchange();
  EXPECT_EQ(left.media[2].port, 0);
  EXPECT_EQ(left.media[2].mid, first.media[2].mid);
  EXPECT_EQ(left.media[3], first.media[3]);   // who stays is untouched
  EXPECT_EQ(left.groups.at(0).mids.size(), 3u);
  EXPECT_EQ(left.origin.version, first.origin.version + 1);
  leg.n.set_remote_sources(sources({12, 13, 14}));
  const auto joined = leg.exchange();
  ASSERT_EQ(joined.media.size(), 5u);
  EXPECT_EQ(joined.media[2].label, "p13");
  EXPECT_EQ(joined.media[4].label, "p14");
  EXPECT_NE(joined.media[2].mid, first.media[2].mid);
  EXPECT_NE(joined.media[2].msids, first.media[2].msids);
  EXPECT_NE(joined.media[2].ssrcs, first.media[2].ssrcs);
  EXPECT_EQ(leg.n.current().slot_of(13)->index, 2u);
}

// Leave and join between two exchanges: the slot goes from one to the other without a port 0 between.
TEST(Slots, MergedLeaveAndJoin) {
  Leg leg;
  leg.n.set_remote_sources(sources({11}));
  const auto first = leg.exchange();
  leg.n.set_remote_sources(sources({12}));
  const auto second = leg.exchange();
  EXPECT_EQ(second.media.size(), 3u);
  EXPECT_NE(second.media[2].mid, first.media[2].mid);
  EXPECT_NE(second.media[2].msids, first.media[2].msids);
}

TEST(Slots, ChromiumsCapturedAnswersToLeavingAndReuse) {
  Leg leg;
  leg.n.set_remote_sources(sources({11, 12}));
  leg.exchange();
  leg.n.set_remote_sources(sources({11}));
  const auto offer = leg.n.create_offer();
  auto answer = replace_all(read_sdp("leave-answer"), "a=setup:passive", "a=setup:active");
  answer = replace_all(answer, "video-2", parse(*offer)->media[2].mid);
  answer = replace_all(answer, "SAVPF 9 0", "SAVPF 111 9 0");
  answer = replace_all(answer, "a=rtpmap:9 G722/8000\r\n", "a=rtpmap:111 opus/48000/2\r\n");
  ASSERT_TRUE(leg.n.apply_answer(answer));
  EXPECT_TRUE(leg.n.current().slot_of(11));
  EXPECT_FALSE(leg.n.current().sections[3].active);
}

TEST(Slots, NothingIsOfferedWithoutNeed) {
  Leg leg;
  EXPECT_FALSE(leg.n.needs_offer());
  leg.n.set_remote_sources(sources({11}));
  leg.exchange();
  leg.n.set_remote_sources(sources({11}));
  EXPECT_FALSE(leg.n.needs_offer());
  // A session refresh is the same text, its version too (RFC 3264 8).
  const auto refresh = leg.n.create_offer();
  ASSERT_TRUE(refresh);
  EXPECT_EQ(*refresh, leg.offer);
}

TEST(Slots, NoLimitOfSixteen) {
  Leg leg;
  std::vector<RemoteSource> many;
  for (std::uint64_t id = 1; id <= 120; ++id) many.push_back(video_source(id));
  leg.n.set_remote_sources(many);
  EXPECT_EQ(leg.exchange().media.size(), 122u);
  EXPECT_TRUE(leg.n.undelivered().empty());
  std::set<std::uint32_t> ssrcs;
  for (const auto& s : leg.n.current().sections) {
    if (s.role == Role::kSlot) ssrcs.insert({s.ssrc, s.rtx_ssrc});
  }
  EXPECT_EQ(ssrcs.size(), 240u);
}

TEST(Slots, SsrcsDontCollideEvenFromABadGenerator) {
  auto config = local_config();
  std::uint32_t next = 0;
  config.random_u32 = [&] { return next++ / 3 % 5; };
  Negotiator n(config);
  ASSERT_TRUE(n.answer(read_sdp("chromium-offer")));
  n.set_remote_sources(sources({1, 2, 3, 4, 5}));
  const auto d = parse(*n.create_offer());
  std::set<std::uint32_t> seen;
  std::size_t total = 0;
  for (const auto& m : d->media) {
    for (const auto& s : m.ssrcs) seen.insert(s.ssrc), ++total;
  }
  EXPECT_EQ(seen.size(), total);
}

TEST(Slots, OnlyWhatThePeerDecodes) {
  const auto h264 = "a=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1;profile-level-id=42e01f\r\n";
  Leg leg(webrtc_offer("a v", webrtc_section("audio", "a", "109", kOpus) +
                                  webrtc_section("video", "v", "120 97", std::string(kVp8) + h264)));
  leg.n.set_remote_sources({video_source(1), video_source(2, "VP9"), video_source(3, "H264", "packetization-mode=1;profile-level-id=42e034"),
                            video_source(4, "H264", "packetization-mode=1;profile-level-id=640034")});
  ASSERT_EQ(leg.n.undelivered().size(), 2u);
  EXPECT_EQ(leg.n.undelivered()[0].source_id, 2u);
  EXPECT_EQ(leg.n.undelivered()[1].reason, "the peer can't decode it");
  const auto d = leg.exchange();
  ASSERT_EQ(d.media.size(), 4u);
  EXPECT_EQ(d.media[3].formats.at(0), "97");
  EXPECT_FALSE(leg.n.needs_offer());
}

// A page without camera says nothing of video: we number the codecs, clear of its own.
TEST(Slots, AudioOnlyPeerGetsOurNumbers) {
  Leg leg(webrtc_offer("a", webrtc_section("audio", "a", "96 97", "a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/48000\r\n"
                                           "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n")));
  leg.n.set_remote_sources({video_source(1), video_source(2, "VP9"), video_source(3)});
  const auto d = leg.exchange();
  EXPECT_EQ(d.media[1].formats, (std::vector<std::string>{"98", "99"}));
  EXPECT_EQ(d.media[2].formats, (std::vector<std::string>{"100", "101"}));
  EXPECT_EQ(d.media[3].formats, d.media[1].formats);
  for (const auto& e : d.media[1].extmaps) EXPECT_NE(e.id, 1);
}

TEST(Slots, RefusedByPortZeroIsNotOfferedAgain) {
  Leg leg;
  leg.n.set_remote_sources(sources({11, 12}));
  const auto mid = parse(*leg.n.create_offer())->media[2].mid;
  leg.n.rollback();
  const auto offer = leg.n.create_offer();
  ASSERT_TRUE(leg.n.apply_answer(chromium_answer(*offer, {parse(*offer)->media[2].mid})));
  EXPECT_NE(parse(*offer)->media[2].mid, mid);   // a mid is never given twice
  EXPECT_FALSE(leg.n.current().slot_of(11));
  ASSERT_EQ(leg.n.undelivered().size(), 1u);
  EXPECT_EQ(leg.n.undelivered()[0].reason, "refused by the peer");
  EXPECT_FALSE(leg.n.needs_offer());
  leg.n.set_remote_sources(sources({12}));
  leg.n.set_remote_sources(sources({11, 12}));   // gone and back
  EXPECT_TRUE(leg.n.needs_offer());
}

TEST(Slots, GlareRollsBack) {
  Leg leg;
  leg.n.set_remote_sources(sources({11}));
  const auto before = leg.n.current();
  ASSERT_TRUE(leg.n.create_offer());
  EXPECT_EQ(leg.n.state(), SignalingState::kHaveLocalOffer);
  EXPECT_EQ(leg.n.answer(read_sdp("chromium-offer")).error().code, base::ErrorCode::kConflict);
  EXPECT_EQ(leg.n.create_offer().error().code, base::ErrorCode::kConflict);
  EXPECT_FALSE(leg.n.needs_offer());
  leg.n.rollback();
  EXPECT_EQ(leg.n.current(), before);
  EXPECT_TRUE(leg.n.needs_offer());
  ASSERT_TRUE(leg.n.answer(read_sdp("chromium-offer")));
  leg.exchange();
  EXPECT_TRUE(leg.n.current().slot_of(11));
  EXPECT_EQ(leg.n.apply_answer(chromium_answer(leg.offer)).error().code, base::ErrorCode::kConflict);
}

TEST(Slots, BadAnswersChangeNothing) {
  Leg leg;
  leg.n.set_remote_sources(sources({11}));
  const auto before = leg.n.current();
  const auto offer = leg.n.create_offer();
  const auto good = chromium_answer(*offer);
  const auto mid = parse(*offer)->media[2].mid;
  const std::string bad[] = {
      "", read_sdp("asterisk-answer"), replace_all(good, "a=mid:" + mid, "a=mid:zz"),
      replace_all(good, "m=audio", "m=video"), replace_all(good, "a=rtcp-mux\r\n", ""),
      replace_all(good, " " + mid + "\r\n", "\r\n"), replace_all(good, "a=ice-pwd", "a=x-pwd"),
      replace_all(good, "opus/48000/2", "silk/48000/2"), replace_all(good, "UDP/TLS/RTP/SAVPF", "RTP/AVP")};
  for (const auto& answer : bad) {
    EXPECT_FALSE(leg.n.apply_answer(answer)) << answer;
    EXPECT_EQ(leg.n.current(), before);
  }
  EXPECT_TRUE(leg.n.apply_answer(good));
}

TEST(Slots, SourceWhichChangesItsCodecKeepsItsSlot) {
  Leg leg;
  leg.n.set_remote_sources({video_source(1)});
  const auto first = leg.exchange();
  leg.n.set_remote_sources({video_source(1, "VP9", "profile-id=0")});
  const auto second = leg.exchange();
  EXPECT_EQ(second.media[2].mid, first.media[2].mid);
  EXPECT_EQ(second.media[2].formats, (std::vector<std::string>{"98", "99"}));
}

// The peer's re-offer with our slots as recvonly m-lines in their places.
std::string reoffer(const Negotiator& n, std::string_view slot_lines, std::string_view more_mids = "",
                    std::string_view more = "") {
  auto text = read_sdp("chromium-offer");
  std::string mids = "a=group:BUNDLE 0 1";
  for (const auto& s : n.current().sections) {
    if (s.index < 2) continue;
    if (!s.active) {
      text += "m=video 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:" + s.mid + "\r\na=inactive\r\n";
      continue;
    }
    mids += " " + s.mid;
    text += webrtc_section("video", s.mid, "96 97", std::string("a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n") +
                           std::string(slot_lines));
  }
  mids += more_mids;
  text += more;
  return replace_all(text, "a=group:BUNDLE 0 1", mids);
}

TEST(Slots, PeersReofferKeepsThem) {
  Leg leg;
  leg.n.set_remote_sources(sources({11, 12}));
  leg.exchange();
  const auto before = *leg.n.current().slot_of(12);
  const auto text = leg.n.answer(reoffer(leg.n, "a=recvonly\r\n", " 7",
                                         webrtc_section("video", "7", "96", "a=rtpmap:96 VP8/90000\r\na=sendonly\r\n")));
  ASSERT_TRUE(text) << text.error().detail;
  const auto d = parse(*text);
  ASSERT_EQ(d->media.size(), 5u);
  EXPECT_EQ(d->media[3].direction, Direction::kSendOnly);
  EXPECT_EQ(d->media[3].label, "p12");
  EXPECT_EQ(d->media[3].msids.at(0), before.msid);
  EXPECT_EQ(leg.n.current().slot_of(12)->ssrc, before.ssrc);
  EXPECT_EQ(leg.n.current().sections[4].publishes, Publishes::kScreen);
  EXPECT_FALSE(leg.n.needs_offer());
  // The next joiner comes after the peer's own new m-line.
  leg.n.set_remote_sources(sources({11, 12, 13}));
  EXPECT_EQ(leg.exchange().media.size(), 6u);
}

TEST(Slots, PeersReofferHoldsOrClosesThem) {
  Leg leg;
  leg.n.set_remote_sources(sources({11}));
  leg.exchange();
  ASSERT_TRUE(leg.n.answer(reoffer(leg.n, "a=inactive\r\n")));
  EXPECT_EQ(leg.n.current().slot_of(11)->direction, Direction::kInactive);
  ASSERT_TRUE(leg.n.answer(reoffer(leg.n, "a=recvonly\r\n")));
  EXPECT_EQ(leg.n.current().slot_of(11)->direction, Direction::kSendOnly);
  auto closed = reoffer(leg.n, "a=recvonly\r\n");
  closed.replace(closed.rfind("m=video 9"), 9, "m=video 0");
  ASSERT_TRUE(leg.n.answer(closed));
  EXPECT_FALSE(leg.n.current().slot_of(11));
  EXPECT_FALSE(leg.n.needs_offer());
}

// RFC 8829 5.1.2: addTrack() may put the page's new track on a slot's transceiver.
TEST(Slots, PeerSendsItsScreenInASlot) {
  Leg leg;
  leg.n.set_remote_sources(sources({11}));
  leg.exchange();
  const auto text = leg.n.answer(reoffer(leg.n, "a=sendrecv\r\na=ssrc:5 cname:x\r\n"));
  ASSERT_TRUE(text);
  EXPECT_EQ(parse(*text)->media[2].direction, Direction::kSendRecv);
  const auto* slot = leg.n.current().slot_of(11);
  EXPECT_EQ(slot->publishes, Publishes::kScreen);
  EXPECT_EQ(slot->remote_ssrcs.at(0).ssrc, 5u);
  EXPECT_FALSE(leg.n.needs_offer());
  // The source leaves: the peer's screen stays where it is.
  leg.n.set_remote_sources({});
  const auto d = leg.exchange();
  EXPECT_EQ(d.media[2].direction, Direction::kRecvOnly);
  EXPECT_EQ(d.media[2].label, "");
  EXPECT_EQ(leg.n.current().sections[2].role, Role::kOwnScreen);
  EXPECT_EQ(leg.n.current().sections[2].publishes, Publishes::kScreen);
}

// RFC 8829 5.2.2 from the other side: the page uses our freed m-line for its screen.
TEST(Slots, PeerRecyclesAFreedSlot) {
  Leg leg;
  leg.n.set_remote_sources(sources({11}));
  leg.exchange();
  leg.n.set_remote_sources({});
  leg.exchange();
  ASSERT_FALSE(leg.n.current().sections[2].active);
  ASSERT_TRUE(leg.n.answer(replace_all(read_sdp("chromium-offer"), "BUNDLE 0 1", "BUNDLE 0 1 9") +
                           webrtc_section("video", "9", "96", "a=rtpmap:96 VP8/90000\r\na=sendonly\r\n")));
  EXPECT_EQ(leg.n.current().sections[2].publishes, Publishes::kScreen);
  leg.n.set_remote_sources(sources({12}));
  EXPECT_EQ(leg.exchange().media.size(), 4u);
}

TEST(Slots, SourceThatLeftIsClosedInTheAnswer) {
  Leg leg;
  leg.n.set_remote_sources(sources({11}));
  leg.exchange();
  leg.n.set_remote_sources({});
  const auto text = leg.n.answer(reoffer(leg.n, "a=recvonly\r\n"));
  ASSERT_TRUE(text);
  EXPECT_EQ(parse(*text)->media[2].port, 0);
  EXPECT_TRUE(leg.n.rejections().empty());
  EXPECT_FALSE(leg.n.needs_offer());
}

// A peer on hold isn't called back by a joiner's re-INVITE.
TEST(Slots, OfferKeepsThePeersHold) {
  Leg leg;
  ASSERT_TRUE(leg.n.answer(replace_all(read_sdp("chromium-offer"), "a=sendrecv", "a=inactive")));
  leg.n.set_remote_sources(sources({11}));
  const auto d = leg.exchange();
  EXPECT_EQ(d.media[0].direction, Direction::kInactive);
  EXPECT_EQ(d.media[1].direction, Direction::kInactive);
  EXPECT_EQ(d.media[2].direction, Direction::kSendOnly);
  ASSERT_TRUE(leg.n.answer(reoffer(leg.n, "a=recvonly\r\n")));
  EXPECT_EQ(leg.n.current().sections[0].direction, Direction::kSendRecv);
}

TEST(Slots, SourceListedTwiceGetsOneSlot) {
  Leg leg;
  leg.n.set_remote_sources(sources({11, 11}));
  EXPECT_EQ(leg.exchange().media.size(), 3u);
  EXPECT_FALSE(leg.n.needs_offer());
}

}  // namespace
}  // namespace sdp
