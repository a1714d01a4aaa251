#include "media/keyframe.hpp"

namespace media {
namespace {

bool vp8(base::ByteView p) {
  if (p.empty() || (p[0] & 0x10) == 0 || (p[0] & 0x07) != 0) return false;   // S set, partition 0
  std::size_t at = 1;
  if ((p[0] & 0x80) != 0) {
    if (at >= p.size()) return false;
    const std::uint8_t x = p[at++];
    if ((x & 0x80) != 0) {   // I: picture id of one or two bytes
      if (at >= p.size()) return false;
      at += (p[at] & 0x80) != 0 ? 2 : 1;
    }
    if ((x & 0x40) != 0) ++at;   // L: TL0PICIDX
    if ((x & 0x30) != 0) ++at;   // T or K
  }
  return at < p.size() && (p[at] & 0x01) == 0;   // RFC 6386 9.1: the frame tag's inverse key frame flag
}

bool vp9(base::ByteView p) {
  if (p.empty()) return false;
  const bool inter = (p[0] & 0x40) != 0;
  const bool begins = (p[0] & 0x08) != 0;
  if (inter || !begins) return false;
  std::size_t at = 1;
  if ((p[0] & 0x80) != 0) {
    if (at >= p.size()) return false;
    at += (p[at] & 0x80) != 0 ? 2 : 1;
  }
  if ((p[0] & 0x20) != 0) {   // L: TID, U, SID, D
    if (at >= p.size()) return false;
    return (p[at] >> 1 & 0x07) == 0;
  }
  return at <= p.size();
}

// One NAL unit (its header first), or the start of one.
bool h264_nal(std::uint8_t type, base::ByteView after_header) {
  if (type == 7) return true;
  // A slice of an IDR picture whose first_mb_in_slice is 0: ue(v) 0 is a single 1 bit.
  return type == 5 && !after_header.empty() && (after_header[0] & 0x80) != 0;
}

bool h264(base::ByteView p) {
  if (p.empty()) return false;
  const std::uint8_t type = p[0] & 0x1F;
  if (type == 28) {   // FU-A
    return p.size() > 2 && (p[1] & 0x80) != 0 && h264_nal(p[1] & 0x1F, p.subspan(2));
  }
  if (type != 24) return h264_nal(type, p.subspan(1));
  for (std::size_t at = 1; at + 2 < p.size();) {   // STAP-A
    const std::size_t size = base::load_be16(p.data() + at);
    at += 2;
    if (size == 0 || size > p.size() - at) return false;
    if (h264_nal(p[at] & 0x1F, p.subspan(at + 1, size - 1))) return true;
    at += size;
  }
  return false;
}

bool av1(base::ByteView p) {
  return p.size() > 1 && (p[0] & 0x80) == 0 && (p[0] & 0x08) != 0;   // Z clear, N set
}

}  // namespace

bool starts_keyframe(VideoCodec codec, base::ByteView payload) {
  switch (codec) {
    case VideoCodec::kVp8: return vp8(payload);
    case VideoCodec::kVp9: return vp9(payload);
    case VideoCodec::kH264: return h264(payload);
    case VideoCodec::kAv1: return av1(payload);
  }
  return false;
}

}  // namespace media
