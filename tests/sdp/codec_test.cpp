#include "sdp/codec.hpp"

#include "support/sdp_peer.hpp"

namespace sdp {
namespace {

TEST(Codec, ListsChromiumsVideoWithRtxAndFeedback) {
  const auto d = parse(test_support::read_sdp("chromium-offer"));
  ASSERT_TRUE(d);
  const auto list = list_codecs(d->media[1]);
  ASSERT_EQ(list.codecs.size(), 10u);   // VP8, six H264, AV1, two VP9
  EXPECT_EQ(list.codecs[0].name, "VP8");
  EXPECT_EQ(list.codecs[0].rtx_payload_type, 97);
  EXPECT_EQ(list.codecs[0].feedback, kVideoFeedback);
  EXPECT_EQ(list.payload_types.size(), 23u);
  EXPECT_EQ(find_best(list.codecs, "H264")->payload_type, 108);   // constrained baseline, packetization-mode 1
  EXPECT_EQ(find_best(list.codecs, "VP9")->payload_type, 98);
  EXPECT_EQ(find_best(list.codecs, "H265"), nullptr);
  const auto audio = list_codecs(d->media[0]);
  EXPECT_EQ(audio.codecs[1].name, "G722");
  EXPECT_EQ(audio.telephone_events.size(), 2u);
}

// RFC 3551 6: static numbers need no rtpmap.
TEST(Codec, StaticNumbersDuplicatesAndNonsense) {
  const auto d = parse("v=0\nm=audio 9 RTP/AVP 0 8 0 999 x 97 96\na=rtpmap:96 opus/48000/2\na=rtpmap:96 PCMU/8000\n"
                       "a=fmtp:96 a=1\na=fmtp:96 a=2\n");
  const auto list = list_codecs(d->media[0]);
  ASSERT_EQ(list.codecs.size(), 3u);
  EXPECT_EQ(list.codecs[0].name, "PCMU");
  EXPECT_EQ(list.codecs[2].name, "opus");
  EXPECT_EQ(list.codecs[2].fmtp, "a=1");
}

TEST(Codec, FmtpParameters) {
  EXPECT_EQ(fmtp_parameter("a=1; B = 2 ;c", "b"), "2");
  EXPECT_EQ(fmtp_parameter("ab=1", "b"), "");
  EXPECT_EQ(fmtp_parameter(";;=;", "x"), "");
}

Codec h264(const char* fmtp) {
  auto c = *known_codec("H264");
  c.fmtp = fmtp;
  return c;
}

// RFC 6184 8.1 and 8.2.2
TEST(Codec, H264ProfilesAndModes) {
  EXPECT_TRUE(same_codec(h264("profile-level-id=42e01f;packetization-mode=1"), h264("packetization-mode=1;profile-level-id=42E034")));
  EXPECT_TRUE(same_codec(h264("profile-level-id=42e01f"), h264("profile-level-id=4d801f")));
  EXPECT_FALSE(same_codec(h264("profile-level-id=42e01f"), h264("profile-level-id=42001f")));
  EXPECT_FALSE(same_codec(h264("profile-level-id=42e01f"), h264("profile-level-id=42e01f;packetization-mode=1")));
  const char* constrained = "profile-level-id=42e01f;packetization-mode=1";
  EXPECT_TRUE(decodes(h264("profile-level-id=64001f;packetization-mode=1"), "H264", constrained));
  EXPECT_FALSE(decodes(h264("profile-level-id=42e01f"), "H264", constrained));
  EXPECT_FALSE(decodes(h264(constrained), "H264", "profile-level-id=64001f;packetization-mode=1"));
  EXPECT_FALSE(decodes(h264("profile-level-id=zz"), "H264", constrained));
}

// RFC 9628 7, AV1 payload 7.2.3
TEST(Codec, Vp9AndAv1Profiles) {
  auto vp9 = *known_codec("VP9");
  EXPECT_TRUE(decodes(vp9, "vp9", ""));
  EXPECT_FALSE(decodes(vp9, "VP9", "profile-id=2"));
  EXPECT_TRUE(decodes(*known_codec("AV1"), "AV1", "profile=0"));
  EXPECT_FALSE(decodes(*known_codec("AV1"), "AV1", "profile=1"));
}

}  // namespace
}  // namespace sdp
