#include "rtp/packet.hpp"

#include <gtest/gtest.h>

#include "rtp/extension.hpp"
#include "rtp/rtx.hpp"
#include "rtp/sequence.hpp"
#include "support/rtp_packets.hpp"

namespace rtp {
namespace {

using support::make_packet;

const base::Bytes kPayload = {1, 2, 3, 4, 5};

TEST(Packet, FixedHeader) {  // RFC 3550 5.1
  const auto bytes = make_packet({96, true, 0xFFFE, 0x01020304, 0xA0B0C0D0}, kPayload);
  ASSERT_EQ(bytes.size(), 17u);
  const auto view = PacketView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->payload_type(), 96);
  EXPECT_TRUE(view->marker());
  EXPECT_EQ(view->sequence(), 0xFFFE);
  EXPECT_EQ(view->timestamp(), 0x01020304u);
  EXPECT_EQ(view->ssrc(), 0xA0B0C0D0u);
  EXPECT_EQ(base::Bytes(view->payload().begin(), view->payload().end()), kPayload);
  EXPECT_FALSE(view->has_extensions());
}

TEST(Packet, ContributingSources) {  // RFC 3550 5.1
  base::Bytes bytes = make_packet({0, false, 1, 2, 3}, {});
  bytes[0] |= 2;
  EXPECT_FALSE(PacketView::parse(bytes));
  bytes.insert(bytes.end(), {0, 0, 0, 7, 0, 0, 0, 8, 42});
  const auto view = PacketView::parse(bytes);
  ASSERT_TRUE(view);
  ASSERT_EQ(view->csrc_count(), 2u);
  EXPECT_EQ(view->csrc(0), 7u);
  EXPECT_EQ(view->csrc(1), 8u);
  ASSERT_EQ(view->payload().size(), 1u);
}

TEST(Packet, Padding) {  // RFC 3550 5.1
  auto bytes = make_packet({0, false, 1, 2, 3}, kPayload, {}, ExtensionForm::kOneByte, 4);
  auto view = PacketView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->payload().size(), 5u);
  EXPECT_EQ(view->padding_size(), 4u);
  bytes.back() = 9;   // all of it
  view = PacketView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->payload().empty());
  bytes.back() = 10;
  EXPECT_FALSE(PacketView::parse(bytes));
  bytes.back() = 0;
  EXPECT_FALSE(PacketView::parse(bytes));
}

TEST(Packet, OneByteExtensions) {  // RFC 8285 4.2
  const auto bytes = make_packet({0, false, 1, 2, 3}, kPayload, {{3, {9}}, {14, base::Bytes(16, 7)}, {4, {'v', '1'}}});
  const auto view = PacketView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->extension(3).size(), 1u);
  EXPECT_EQ(view->extension(14).size(), 16u);
  EXPECT_EQ(base::as_text(view->extension(4)), "v1");
  EXPECT_TRUE(view->extension(5).empty());
  EXPECT_EQ(view->payload().size(), 5u);
}

TEST(Packet, ExtensionPaddingAndId15) {  // RFC 8285 4.2
  base::Bytes bytes = make_packet({0, false, 1, 2, 3}, {});
  bytes[0] |= 0x10;
  bytes.insert(bytes.end(), {0xBE, 0xDE, 0, 2, 0, 0x10, 5, 0, 0xF0, 1, 0x20, 6});
  const auto view = PacketView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->extension(1).size(), 1u);
  EXPECT_TRUE(view->extension(2).empty());   // behind id 15
}

TEST(Packet, TwoByteExtensions) {  // RFC 8285 4.3
  const auto bytes = make_packet({0, false, 1, 2, 3}, kPayload, {{200, base::Bytes(40, 1)}, {7, {}}, {15, {5}}},
                                 ExtensionForm::kTwoByte);
  const auto view = PacketView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->extension(200).size(), 40u);
  EXPECT_EQ(view->extension(15).size(), 1u);
  int count = 0;
  view->for_each_extension([&](std::uint8_t, base::ByteView) { ++count; });
  EXPECT_EQ(count, 3);
}

TEST(Packet, ElementBeyondTheBlockIsNotRead) {
  auto bytes = make_packet({0, false, 1, 2, 3}, kPayload, {{3, {9}}, {4, {1, 2}}});
  bytes[16 + 2] = 0x4F;   // element 4 now claims 16 bytes
  const auto view = PacketView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_FALSE(view->extension(3).empty());
  EXPECT_TRUE(view->extension(4).empty());
}

TEST(Packet, WriterRefusesWhatDoesNotFit) {
  base::Bytes buffer(24);
  HeaderWriter writer(buffer, {});
  EXPECT_FALSE(writer.add_extension(15, kPayload));
  EXPECT_FALSE(writer.add_extension(0, kPayload));
  EXPECT_FALSE(writer.add_extension(1, {}));
  EXPECT_FALSE(writer.add_extension(1, base::Bytes(9)));
  EXPECT_TRUE(writer.add_extension(1, base::Bytes(7)));
  EXPECT_FALSE(writer.add_extension(2, base::Bytes(1)));
  EXPECT_EQ(writer.finish(), 24u);
}

TEST(Packet, EditsInPlace) {
  auto bytes = make_packet({96, true, 1, 2, 3}, kPayload, {{3, {9, 9}}, {4, {1}}, {5, {2}}});
  set_payload_type(bytes, 0xFF & 100);
  set_marker(bytes, false);
  set_sequence(bytes, 500);
  set_timestamp(bytes, 600);
  set_ssrc(bytes, 700);
  EXPECT_TRUE(overwrite_extension(bytes, 3, base::Bytes{7, 8}));
  EXPECT_FALSE(overwrite_extension(bytes, 3, base::Bytes{7}));
  EXPECT_FALSE(overwrite_extension(bytes, 9, base::Bytes{7}));
  std::array<std::uint8_t, 256> ids{};
  ids[3] = 11;
  ids[5] = 2;   // 4 goes
  EXPECT_TRUE(rename_extensions(bytes, ids));
  const auto view = PacketView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->payload_type(), 100);
  EXPECT_FALSE(view->marker());
  EXPECT_EQ(view->sequence(), 500);
  EXPECT_EQ(view->timestamp(), 600u);
  EXPECT_EQ(view->ssrc(), 700u);
  ASSERT_EQ(view->extension(11).size(), 2u);
  EXPECT_EQ(view->extension(11)[1], 8);
  EXPECT_EQ(view->extension(2).size(), 1u);
  EXPECT_TRUE(view->extension(4).empty());
  EXPECT_EQ(view->payload().size(), 5u);
}

// Survival 18: no shape of packet is read beyond its end (the sanitizers watch).
TEST(Packet, EveryCutAndManyMutations) {
  const auto whole = make_packet({96, true, 1, 2, 3}, kPayload, {{3, {9, 9}}, {4, {1}}}, ExtensionForm::kOneByte, 3);
  support::TestRandom random(1);
  for (int round = 0; round < 20000; ++round) {
    base::Bytes bytes(whole.begin(), whole.begin() + random.below(static_cast<std::uint32_t>(whole.size() + 1)));
    for (int i = 0; i < 3 && !bytes.empty(); ++i) {
      bytes[random.below(static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), 20)))] =
          static_cast<std::uint8_t>(random.next());
    }
    base::Bytes exact(bytes);
    exact.shrink_to_fit();
    const auto view = PacketView::parse(exact);
    if (!view) continue;
    ASSERT_LE(view->header_size() + view->payload().size() + view->padding_size(), exact.size());
    view->for_each_extension([&](std::uint8_t, base::ByteView data) {
      for (const std::uint8_t b : data) (void)b;
      ASSERT_LE(data.data() + data.size(), exact.data() + view->header_size());
    });
    read_rtx(*view);
  }
}

TEST(Packet, RtcpIsToldApart) {  // RFC 5761 4
  const base::Bytes rtcp = {0x80, 200, 0, 1, 0, 0, 0, 0};
  EXPECT_TRUE(looks_like_rtcp(rtcp));
  EXPECT_FALSE(looks_like_rtcp(make_packet({96, true, 0, 0, 0}, {})));
}

TEST(Packet, Rtx) {  // RFC 4588 4
  const auto bytes = make_packet({97, false, 1, 2, 3}, base::Bytes{0x12, 0x34, 9});
  const auto rtx = read_rtx(*PacketView::parse(bytes));
  ASSERT_TRUE(rtx);
  EXPECT_EQ(rtx->original_sequence, 0x1234);
  EXPECT_EQ(rtx->payload.size(), 1u);
  const auto probe = make_packet({97, false, 1, 2, 3}, {}, {}, ExtensionForm::kOneByte, 200);
  EXPECT_FALSE(read_rtx(*PacketView::parse(probe)));
}

TEST(Sequence, UnwrapsBothWays) {  // RFC 3550 A.1
  SequenceUnwrapper unwrapper;
  EXPECT_EQ(unwrapper.unwrap(65534), 131070);
  EXPECT_EQ(unwrapper.unwrap(1), 131073);
  EXPECT_EQ(unwrapper.unwrap(65535), 131071);
  EXPECT_EQ(unwrapper.highest(), 131073);
  EXPECT_EQ(unwrapper.peek(2), 131074);
  std::int64_t expected = 131073;
  for (int i = 0; i < 300000; ++i) EXPECT_EQ(unwrapper.unwrap(static_cast<std::uint16_t>(++expected)), expected);
}

TEST(Sequence, DistancesWrap) {
  EXPECT_TRUE(sequence_newer(2, 65530));
  EXPECT_FALSE(sequence_newer(65530, 2));
  EXPECT_FALSE(sequence_newer(5, 5));
  EXPECT_TRUE(timestamp_newer(5, 0xFFFFFFF0));
  EXPECT_EQ(timestamp_distance(0xFFFFFFF0, 0x10), -32);
}

TEST(Extension, NamesAndIds) {
  EXPECT_EQ(extension_of("urn:ietf:params:rtp-hdrext:sdes:mid"), Extension::kMid);
  EXPECT_FALSE(extension_of("urn:x"));
  for (std::size_t i = 0; i < kExtensionCount; ++i) {
    EXPECT_EQ(extension_of(extension_uri(static_cast<Extension>(i))), static_cast<Extension>(i));
  }
  ExtensionIds ids;
  ids.set(Extension::kMid, 4);
  ids.set(Extension::kMid, 5);
  EXPECT_EQ(ids.kind(4), Extension::kCount);
  EXPECT_EQ(ids.kind(5), Extension::kMid);
  EXPECT_EQ(ids.kind(0), Extension::kCount);
}

TEST(Extension, AbsSendTimeWrapsAt64Seconds) {
  EXPECT_EQ(abs_send_time(base::TimePoint(std::chrono::seconds(1))), 1u << 18);
  EXPECT_EQ(abs_send_time(base::TimePoint(std::chrono::milliseconds(64500))), 1u << 17);
}

TEST(Extension, AudioLevel) {  // RFC 6464 3
  const auto level = read_audio_level(base::Bytes{0x80 | 30});
  ASSERT_TRUE(level);
  EXPECT_TRUE(level->voice);
  EXPECT_EQ(level->level, 30);
  EXPECT_FALSE(read_audio_level({}));
}

}  // namespace
}  // namespace rtp
