// The peer offers, Parley answers.
#include "sdp/negotiation.hpp"
#include "support/sdp_peer.hpp"

namespace sdp {
namespace {

using namespace test_support;

// RFC 8829 5.3, RFC 8843 7.3
TEST(Answer, ChromiumsOffer) {
  Negotiator n(local_config());
  const auto text = n.answer(read_sdp("chromium-offer"));
  ASSERT_TRUE(text) << text.error().detail;
  const auto d = parse(*text);
  ASSERT_TRUE(d);
  EXPECT_TRUE(d->ice_lite);
  EXPECT_EQ(d->groups.at(0), (Group{"BUNDLE", {"0", "1"}}));
  ASSERT_EQ(d->media.size(), 2u);
  const auto& audio = d->media[0];
  EXPECT_EQ(audio.formats, (std::vector<std::string>{"111", "110"}));
  EXPECT_EQ(audio.rtpmaps[0], (Rtpmap{111, "opus", 48000, 2}));
  EXPECT_EQ(audio.fmtps[0].parameters, "minptime=10;useinbandfec=1");
  EXPECT_EQ(audio.direction, Direction::kSendRecv);
  EXPECT_EQ(audio.port, 7000);
  EXPECT_EQ(audio.candidates.size(), 2u);
  EXPECT_EQ(audio.ssrcs.size(), 1u);
  const auto& video = d->media[1];
  EXPECT_EQ(video.formats, (std::vector<std::string>{"96", "97"}));
  EXPECT_EQ(video.direction, Direction::kRecvOnly);
  EXPECT_TRUE(video.ssrcs.empty());
  EXPECT_EQ(video.feedback.size(), 5u);
  EXPECT_EQ(video.extmaps.size(), 4u);
  for (const auto& m : d->media) {   // A.4 and A.5 of the specification
    EXPECT_EQ(m.msids.size(), 1u);
    EXPECT_EQ(m.setup, Setup::kPassive);
    EXPECT_TRUE(m.rtcp_mux);
    EXPECT_EQ(m.ice_ufrag, "serverufrag");
    EXPECT_EQ(m.fingerprints.size(), 1u);
  }
}

TEST(Answer, WhatIsNegotiated) {
  Negotiator n(local_config());
  ASSERT_TRUE(n.answer(read_sdp("chromium-offer")));
  const auto& c = n.current();
  EXPECT_EQ(c.kind, TransportKind::kWebrtc);
  EXPECT_TRUE(c.bundle);
  EXPECT_EQ(c.remote_ice, (IceCredentials{"vRQw", "ohdCOZ5TKIBPEpy9syN6MBh/"}));
  EXPECT_EQ(c.fingerprints.at(0).value, kPeerFingerprint);
  EXPECT_EQ(c.dtls_role, DtlsRole::kServer);
  EXPECT_EQ(c.candidates.size(), 4u);
  const auto* audio = c.find(Role::kOwnAudio);
  ASSERT_TRUE(audio);
  EXPECT_EQ(audio->codecs.at(0).payload_type, 111);
  EXPECT_EQ(audio->telephone_events.at(0).payload_type, 110);
  EXPECT_EQ(audio->extension(kAudioLevelExtension)->id, 1);
  EXPECT_EQ(audio->remote_ssrcs.at(0).ssrc, 1144306702u);
  const auto* video = c.find(Role::kOwnVideo);
  ASSERT_TRUE(video);
  EXPECT_EQ(video->publishes, Publishes::kCamera);
  EXPECT_EQ(video->codecs.at(0).rtx_payload_type, 97);
  EXPECT_EQ(video->remote_ssrcs, (std::vector<RemoteSsrc>{{4099967607, 3443104911}}));
  EXPECT_EQ(video->remote_msid.track, "dccdf2c1-29fd-4f5a-b8c3-5ec018c0dc4b");
}

TEST(Answer, ReceiverPreferenceDecides) {
  auto config = local_config();
  config.video_codecs = {"H264", "VP8"};
  config.webrtc_audio = {"PCMA", "opus"};
  Negotiator n(config);
  ASSERT_TRUE(n.answer(read_sdp("chromium-offer")));
  EXPECT_EQ(n.current().sections[0].codecs.at(0).payload_type, 8);
  EXPECT_EQ(n.current().sections[0].telephone_events.at(0).payload_type, 126);
  EXPECT_EQ(n.current().sections[1].codecs.size(), 1u);
  EXPECT_EQ(n.current().sections[1].codecs.at(0).payload_type, 108);
}

// Firefox: other numbers, bundle-only video, session-level fingerprint, telephone-event at 8000 only.
TEST(Answer, FirefoxLikeOffer) {
  std::string offer = "v=0\r\no=mozilla...THIS_IS_SDPARTA-99.0 55 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
                      "a=sendrecv\r\na=fingerprint:sha-256 ";
  (offer += kPeerFingerprint) += "\r\na=group:BUNDLE 0 1\r\na=ice-options:trickle\r\na=msid-semantic:WMS *\r\n";
  offer += "m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\na=extmap:1 "
           "urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level\r\n"
           "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1\r\n"
           "a=fmtp:101 0-15\r\na=ice-pwd:9f6e1d3b9f6e1d3b9f6e1d3b9f6e1d3b\r\na=ice-ufrag:1f2e3d4c\r\na=mid:0\r\n"
           "a=msid:{a} {b}\r\na=rtcp-mux\r\na=rtpmap:109 opus/48000/2\r\na=rtpmap:9 G722/8000/1\r\na=rtpmap:0 PCMU/8000\r\n"
           "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000/1\r\na=setup:actpass\r\na=ssrc:1 cname:{c}\r\n"
           "a=candidate:0 1 UDP 2122252543 aaaa.local 40000 typ host\r\n"
           "m=video 0 UDP/TLS/RTP/SAVPF 120 124 126 127\r\nc=IN IP4 0.0.0.0\r\na=bundle-only\r\na=sendrecv\r\n"
           "a=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1\r\na=fmtp:120 max-fs=12288;max-fr=60\r\n"
           "a=fmtp:124 apt=120\r\na=fmtp:127 apt=126\r\na=ice-pwd:9f6e1d3b9f6e1d3b9f6e1d3b9f6e1d3b\r\na=ice-ufrag:1f2e3d4c\r\n"
           "a=mid:1\r\na=msid:{a} {d}\r\na=rtcp-fb:120 nack\r\na=rtcp-fb:120 nack pli\r\na=rtcp-fb:120 ccm fir\r\n"
           "a=rtcp-fb:120 goog-remb\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:120 VP8/90000\r\na=rtpmap:124 rtx/90000\r\n"
           "a=rtpmap:126 H264/90000\r\na=rtpmap:127 rtx/90000\r\na=setup:actpass\r\na=ssrc:2 cname:{c}\r\n"
           "a=ssrc:3 cname:{c}\r\na=ssrc-group:FID 2 3\r\n";
  Negotiator n(local_config());
  const auto text = n.answer(offer);
  ASSERT_TRUE(text) << text.error().detail;
  const auto d = parse(*text);
  EXPECT_EQ(d->media[1].port, 7000);
  EXPECT_EQ(d->media[1].formats, (std::vector<std::string>{"120", "124"}));
  EXPECT_FALSE(n.current().sections[1].codecs[0].feedback.transport_cc);
  EXPECT_TRUE(n.current().sections[1].codecs[0].feedback.goog_remb);
  EXPECT_EQ(n.current().sections[0].telephone_events.at(0).clock_rate, 8000u);
  EXPECT_TRUE(n.current().candidates.empty());
  EXPECT_EQ(n.current().sections[1].remote_ssrcs, (std::vector<RemoteSsrc>{{2, 3}}));
}

TEST(Answer, PagesWithoutCameraOrMicrophone) {
  const auto audio = webrtc_section("audio", "a", "109 101", kOpus);
  const auto video = webrtc_section("video", "v", "120", std::string(kVp8) + "a=recvonly\r\n");
  Negotiator audio_only(local_config());
  ASSERT_TRUE(audio_only.answer(webrtc_offer("a", audio)));
  EXPECT_EQ(audio_only.current().sections.size(), 1u);
  Negotiator video_only(local_config());
  ASSERT_TRUE(video_only.answer(webrtc_offer("v", webrtc_section("video", "v", "120", kVp8))));
  EXPECT_EQ(video_only.current().sections[0].publishes, Publishes::kCamera);
  Negotiator watcher(local_config());
  ASSERT_TRUE(watcher.answer(webrtc_offer("a v", webrtc_section("audio", "a", "109", std::string(kOpus) + "a=recvonly\r\n") + video)));
  EXPECT_EQ(watcher.current().sections[0].direction, Direction::kSendOnly);
  EXPECT_EQ(watcher.current().sections[1].direction, Direction::kInactive);
  EXPECT_EQ(watcher.current().sections[1].publishes, Publishes::kNothing);
}

TEST(Answer, CameraAndScreenAtOnce) {
  const auto video = [](const char* mid, const char* more) { return webrtc_section("video", mid, "120", std::string(kVp8) + more); };
  Negotiator n(local_config());
  ASSERT_TRUE(n.answer(webrtc_offer("a v s", webrtc_section("audio", "a", "109", kOpus) + video("v", "") + video("s", ""))));
  EXPECT_EQ(n.current().sections[1].publishes, Publishes::kCamera);
  EXPECT_EQ(n.current().sections[2].publishes, Publishes::kScreen);
  Negotiator by_content(local_config());
  ASSERT_TRUE(by_content.answer(webrtc_offer("s v", video("s", "a=content:slides\r\n") + video("v", ""))));
  EXPECT_EQ(by_content.current().sections[0].role, Role::kOwnScreen);
  EXPECT_EQ(by_content.current().sections[1].role, Role::kOwnVideo);
}

// RFC 3264 6: at its index, with port 0.
TEST(Answer, WhatIsNotSupportedIsRejectedInItsPlace) {
  const auto data = std::string("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\n");
  Negotiator n(local_config());
  const auto text = n.answer(webrtc_offer("d a w", data + webrtc_section("audio", "a", "109", kOpus) +
                                          webrtc_section("video", "w", "96", "a=rtpmap:96 H265/90000\r\n")));
  ASSERT_TRUE(text);
  const auto d = parse(*text);
  ASSERT_EQ(d->media.size(), 3u);
  EXPECT_EQ(d->media[0].port, 0);
  EXPECT_EQ(d->media[0].formats.at(0), "webrtc-datachannel");
  EXPECT_EQ(d->media[2].port, 0);
  EXPECT_EQ(d->groups.at(0).mids, (std::vector<std::string>{"a"}));
  EXPECT_NE(d->media[1].candidates.size(), 0u);
  ASSERT_EQ(n.rejections().size(), 2u);
  EXPECT_EQ(n.rejections()[1].index, 2u);
}

TEST(Answer, WithoutBundleAudioAlone) {
  auto offer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n" + webrtc_section("audio", "a", "109", kOpus) +
               webrtc_section("video", "v", "120", kVp8);
  Negotiator n(local_config());
  const auto text = n.answer(offer);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->find("a=group"), text->npos);
  EXPECT_TRUE(n.current().sections[0].active);
  EXPECT_FALSE(n.current().sections[1].active);
}

TEST(Answer, WhatCantBeMetSaysWhy) {
  const auto audio = webrtc_section("audio", "a", "109", kOpus);
  struct Case {
    std::string offer;
    std::string_view reason;
    base::ErrorCode code = base::ErrorCode::kUnsupported;
  };
  const Case cases[] = {
      {webrtc_offer("a", webrtc_section("audio", "a", "96", "a=rtpmap:96 speex/8000\r\n")), "no common audio codec"},
      {webrtc_offer("a", replace_all(audio, "a=rtcp-mux\r\n", "")), "no rtcp-mux"},
      {webrtc_offer("a", replace_all(audio, "a=ice-ufrag:vRQw\r\n", "")), "no ICE credentials"},
      {webrtc_offer("a", replace_all(audio, "a=ice-ufrag:vRQw", "a=ice-ufrag:v!")), "bad ice-ufrag"},
      {webrtc_offer("a", replace_all(audio, "a=ice-ufrag:vRQw", "a=ice-ufrag:" + std::string(257, 'a'))), "bad ice-ufrag"},
      {webrtc_offer("a", replace_all(audio, "sha-256", "sha-1")), "no usable fingerprint"},
      {webrtc_offer("a", replace_all(audio, ":76:5F", "")), "no usable fingerprint"},
      {webrtc_offer("a", replace_all(audio, "actpass", "holdconn")), "holdconn"},
      {webrtc_offer("x", audio), "no m-line with a transport"},
      {webrtc_offer("a", replace_all(audio, "UDP/TLS/RTP/SAVPF", "RTP/SAVP")), "no acceptable crypto line"},
      {webrtc_offer("a", ""), "no m-line in use"},
      {webrtc_offer("a", replace_all(audio, "m=audio 9", "m=audio 0")), "no m-line in use"},
      {webrtc_offer("a", audio + audio), "two m-lines of one mid", base::ErrorCode::kMalformed},
      {"v=0\r\nm=video 4000 RTP/AVP 96\r\nc=IN IP4 192.0.2.1\r\na=rtpmap:96 VP8/90000\r\n", "m-line 0 (video): video over plain RTP"},
      {"v=0\r\nm=audio 4000 RTP/AVP 0\r\n", "no usable address"},
      {"v=0\r\nc=IN IP4 host.example\r\nm=audio 4000 RTP/AVP 0\r\n", "no usable address"},
  };
  for (const auto& c : cases) {
    Negotiator n(local_config());
    const auto text = n.answer(c.offer);
    ASSERT_FALSE(text) << c.reason;
    EXPECT_EQ(text.error().code, c.code);
    EXPECT_NE(text.error().detail.find(c.reason), std::string::npos) << text.error().detail;
    EXPECT_FALSE(n.established());
  }
}

// RFC 3264 8.4, RFC 8829 5.3
TEST(Answer, HoldAndResume) {
  Negotiator n(local_config());
  const auto offer = read_sdp("chromium-offer");
  ASSERT_TRUE(n.answer(offer));
  const auto ssrc = n.current().sections[0].ssrc;
  struct Step { const char* offered; Direction ours; };
  for (const auto& step : {Step{"a=sendonly", Direction::kRecvOnly}, Step{"a=inactive", Direction::kInactive},
                           Step{"a=recvonly", Direction::kSendOnly}, Step{"a=sendrecv", Direction::kSendRecv}}) {
    const auto text = n.answer(replace_all(offer, "a=sendrecv", step.offered));
    ASSERT_TRUE(text);
    EXPECT_EQ(n.current().sections[0].direction, step.ours);
    EXPECT_EQ(parse(*text)->media[0].direction, step.ours);
    EXPECT_EQ(n.current().sections[1].direction, step.ours & Direction::kRecvOnly);
    EXPECT_EQ(n.current().sections[0].ssrc, ssrc);
    EXPECT_EQ(n.current().ice_generation, 0u);
  }
}

TEST(Answer, OurOwnHoldIsOffered) {
  Negotiator n(local_config());
  ASSERT_TRUE(n.answer(read_sdp("chromium-offer")));
  EXPECT_FALSE(n.needs_offer());
  for (const auto d : {Direction::kSendOnly, Direction::kSendRecv}) {
    n.set_audio_direction(d);
    EXPECT_TRUE(n.needs_offer());
    const auto offer = n.create_offer();
    ASSERT_TRUE(offer);
    EXPECT_EQ(parse(*offer)->media[0].direction, d);
    ASSERT_TRUE(n.apply_answer(chromium_answer(*offer)));
    EXPECT_EQ(n.current().sections[0].direction, d);
    EXPECT_FALSE(n.needs_offer());
  }
}

// RFC 8839 4.4.1.1.1
TEST(Answer, IceRestart) {
  auto config = local_config();
  config.restart_ice = [] { return IceCredentials{"newufrag", "newpasswordnewpasswordnew"}; };
  Negotiator n(config);
  const auto offer = read_sdp("chromium-offer");
  ASSERT_TRUE(n.answer(offer));
  const auto text = n.answer(replace_all(offer, "a=ice-ufrag:vRQw", "a=ice-ufrag:wRQv"));
  ASSERT_TRUE(text);
  EXPECT_EQ(n.current().ice_generation, 1u);
  EXPECT_EQ(n.current().remote_ice.ufrag, "wRQv");
  EXPECT_EQ(n.current().local_ice.ufrag, "newufrag");
  EXPECT_EQ(count(*text, "a=ice-ufrag:newufrag"), 2u);
}

// RFC 3264 8: the version goes up by one where something changed, and only there.
TEST(Answer, SessionVersion) {
  Negotiator n(local_config());
  const auto offer = read_sdp("chromium-offer");
  const auto first = parse(*n.answer(offer))->origin;
  EXPECT_EQ(parse(*n.answer(offer))->origin, first);
  const auto held = parse(*n.answer(replace_all(offer, "a=sendrecv", "a=sendonly")))->origin;
  EXPECT_EQ(held.session_id, first.session_id);
  EXPECT_EQ(held.version, first.version + 1);
}

TEST(Answer, RefusedReofferChangesNothing) {
  Negotiator n(local_config());
  ASSERT_TRUE(n.answer(read_sdp("chromium-offer")));
  const auto before = n.current();
  EXPECT_EQ(n.answer("rubbish").error().code, base::ErrorCode::kMalformed);
  EXPECT_EQ(n.answer(webrtc_offer("a", webrtc_section("audio", "a", "109", kOpus))).error().code, base::ErrorCode::kMalformed);
  EXPECT_EQ(n.answer(replace_all(read_sdp("chromium-offer"), "SAVPF", "SAVPX")).error().code, base::ErrorCode::kUnsupported);
  EXPECT_EQ(n.current(), before);
}

// RFC 8842 5.3: the role that the peer leaves us, and the only one where it leaves none.
TEST(Answer, DtlsRoles) {
  for (const auto& [setup, role, word] : {std::tuple{"active", DtlsRole::kServer, "a=setup:passive"},
                                          std::tuple{"passive", DtlsRole::kClient, "a=setup:active"}}) {
    Negotiator n(local_config());
    const auto text = n.answer(replace_all(read_sdp("chromium-offer"), "actpass", setup));
    ASSERT_TRUE(text);
    EXPECT_EQ(n.current().dtls_role, role);
    EXPECT_EQ(count(*text, word), 2u);
  }
}

TEST(Answer, PeersScreenComesAndGoes) {
  Negotiator n(local_config());
  const auto first = webrtc_section("audio", "a", "109", kOpus) + webrtc_section("video", "v", "120", kVp8);
  const auto screen = webrtc_section("video", "s", "120", kVp8);
  ASSERT_TRUE(n.answer(webrtc_offer("a v", first)));
  ASSERT_TRUE(n.answer(webrtc_offer("a v s", first + screen)));
  EXPECT_EQ(n.current().sections.at(2).publishes, Publishes::kScreen);
  ASSERT_TRUE(n.answer(webrtc_offer("a v", first + replace_all(screen, "m=video 9", "m=video 0"))));
  EXPECT_FALSE(n.current().sections.at(2).active);
  ASSERT_TRUE(n.answer(webrtc_offer("a v t", first + replace_all(screen, "a=mid:s", "a=mid:t"))));
  EXPECT_EQ(n.current().sections.at(2).publishes, Publishes::kScreen);
  EXPECT_EQ(n.current().sections.at(2).mid, "t");
}

// A page of 256 m-lines with long lists costs no more than a moment.
TEST(Answer, ManyLinesAreCheap) {
  std::string sections = webrtc_section("audio", "a", "109", kOpus);
  std::string mids = "a";
  for (int i = 0; i < 255; ++i) {
    const auto mid = "v" + std::to_string(i);
    mids += " " + mid;
    sections += webrtc_section("video", mid, "120 121 122 123 124 125 126 127", kVp8);
  }
  Negotiator n(local_config());
  ASSERT_TRUE(n.answer(webrtc_offer(mids, sections)));
  EXPECT_EQ(n.rejections().size(), 251u);   // max_published is 4
}

}  // namespace
}  // namespace sdp
