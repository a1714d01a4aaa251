#include "media/keyframe.hpp"

#include <gtest/gtest.h>

namespace media {
namespace {

bool key(VideoCodec codec, base::Bytes payload) {
  payload.shrink_to_fit();
  return starts_keyframe(codec, payload);
}

TEST(Keyframe, Vp8) {  // RFC 7741 4.2
  using enum VideoCodec;
  EXPECT_TRUE(key(kVp8, {0x10, 0x50, 1}));
  EXPECT_FALSE(key(kVp8, {0x10, 0x51}));                      // interframe
  EXPECT_FALSE(key(kVp8, {0x00, 0x50}));                      // not the start
  EXPECT_FALSE(key(kVp8, {0x11, 0x50}));                      // partition 1
  EXPECT_TRUE(key(kVp8, {0x90, 0x80, 0x12, 0x50}));           // short picture id
  EXPECT_TRUE(key(kVp8, {0x90, 0xE0, 0x92, 0x34, 7, 1, 0x50}));
  EXPECT_FALSE(key(kVp8, {0x90, 0xE0, 0x92, 0x34, 7, 1, 0x51}));
  EXPECT_FALSE(key(kVp8, {0x90, 0xE0, 0x92, 0x34, 7, 1}));
  EXPECT_FALSE(key(kVp8, {0x90, 0x80}));
  EXPECT_FALSE(key(kVp8, {0x90}));
  EXPECT_FALSE(key(kVp8, {}));
}

TEST(Keyframe, Vp9) {  // RFC 9628 4.2
  using enum VideoCodec;
  EXPECT_TRUE(key(kVp9, {0x08, 1}));
  EXPECT_TRUE(key(kVp9, {0x8A, 0x85, 0x01, 1}));              // I, B, V with a long picture id
  EXPECT_FALSE(key(kVp9, {0xC8, 0x85, 0x01, 1}));             // P: inter-predicted
  EXPECT_FALSE(key(kVp9, {0x80, 0x85, 0x01, 1}));             // not the beginning
  EXPECT_TRUE(key(kVp9, {0xA8, 0x05, 0x00, 1}));              // L, spatial layer 0
  EXPECT_FALSE(key(kVp9, {0xA8, 0x05, 0x02, 1}));             // spatial layer 1
  EXPECT_FALSE(key(kVp9, {0xA8, 0x05}));
  EXPECT_FALSE(key(kVp9, {}));
}

TEST(Keyframe, H264) {  // RFC 6184 5.6 to 5.8
  using enum VideoCodec;
  EXPECT_TRUE(key(kH264, {0x67, 0x42}));                      // SPS
  EXPECT_FALSE(key(kH264, {0x68, 0x42}));                     // PPS
  EXPECT_TRUE(key(kH264, {0x65, 0x88}));                      // IDR, first slice
  EXPECT_FALSE(key(kH264, {0x65, 0x40}));                     // IDR, later slice
  EXPECT_FALSE(key(kH264, {0x41, 0x88}));
  EXPECT_TRUE(key(kH264, {0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68}));
  EXPECT_TRUE(key(kH264, {0x78, 0, 1, 0x06, 0, 2, 0x67, 0x42}));
  EXPECT_FALSE(key(kH264, {0x78, 0, 1, 0x06, 0, 9, 0x67, 0x42}));
  EXPECT_FALSE(key(kH264, {0x78, 0, 0, 0x67}));
  EXPECT_TRUE(key(kH264, {0x7C, 0x85, 0x88}));                // FU-A, start of an IDR
  EXPECT_FALSE(key(kH264, {0x7C, 0x05, 0x88}));               // FU-A, its middle
  EXPECT_FALSE(key(kH264, {0x7C, 0x81, 0x88}));
  EXPECT_FALSE(key(kH264, {0x7C, 0x85}));
  EXPECT_FALSE(key(kH264, {}));
}

TEST(Keyframe, Av1) {  // AV1 RTP payload 4.4
  using enum VideoCodec;
  EXPECT_TRUE(key(kAv1, {0x18, 0x0A}));
  EXPECT_FALSE(key(kAv1, {0x10, 0x0A}));
  EXPECT_FALSE(key(kAv1, {0x98, 0x0A}));                      // Z: goes on from before
  EXPECT_FALSE(key(kAv1, {0x18}));
}

}  // namespace
}  // namespace media
