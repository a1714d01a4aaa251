// RTP packets (RFC 3550 5.1) with header extensions (RFC 8285): a checked view, edits in place, a header writer.
// Values over somebody else's bytes, any thread; nothing allocates.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "rtp/sequence.hpp"

namespace rtp {

constexpr std::size_t kFixedHeader = 12;
constexpr std::uint16_t kOneByteProfile = 0xBEDE;
constexpr std::uint16_t kTwoByteProfile = 0x1000;       // the low four bits are "appbits"
constexpr std::uint16_t kTwoByteProfileMask = 0xFFF0;

// RFC 5761 4: tells RTCP from RTP on one port, by the second byte.
inline bool looks_like_rtcp(base::ByteView bytes) { return bytes.size() >= 8 && bytes[1] >= 192 && bytes[1] <= 223; }

// A view of one packet that parse() has found to be consistent. Lives no longer than its bytes.
class PacketView {
 public:
  // Empty unless version, CSRC list, extension and padding all lie within `bytes`.
  static std::optional<PacketView> parse(base::ByteView bytes);

  std::uint8_t payload_type() const { return bytes_[1] & 0x7F; }
  bool marker() const { return (bytes_[1] & 0x80) != 0; }
  std::uint16_t sequence() const { return base::load_be16(bytes_.data() + 2); }
  std::uint32_t timestamp() const { return base::load_be32(bytes_.data() + 4); }
  Ssrc ssrc() const { return base::load_be32(bytes_.data() + 8); }

  std::size_t csrc_count() const { return bytes_[0] & 0x0F; }
  Ssrc csrc(std::size_t i) const { return base::load_be32(bytes_.data() + kFixedHeader + 4 * i); }

  base::ByteView bytes() const { return bytes_; }
  std::size_t header_size() const { return header_size_; }
  base::ByteView payload() const {
    return bytes_.subspan(header_size_, bytes_.size() - header_size_ - padding_size_);
  }
  std::size_t padding_size() const { return padding_size_; }

  bool has_extensions() const { return extension_size_ != 0; }
  // Calls fn(id, ByteView data) for each element; stops at what is malformed. Padding and id 15 as in RFC 8285 4.2.
  template <typename Fn>
  void for_each_extension(Fn&& fn) const {
    std::size_t at = 0;
    Element e;
    while (next_element(at, e)) fn(e.id, bytes_.subspan(e.offset, e.size));
  }
  // The element's data, empty when it is not there (or has no data).
  base::ByteView extension(std::uint8_t id) const {
    std::size_t at = 0;
    Element e;
    while (id != 0 && next_element(at, e)) {
      if (e.id == id) return bytes_.subspan(e.offset, e.size);
    }
    return {};
  }

 private:
  struct Element {
    std::uint8_t id = 0;
    std::uint8_t size = 0;
    std::size_t offset = 0;
  };
  friend bool overwrite_extension(base::MutableByteView, std::uint8_t, base::ByteView);
  friend bool rename_extensions(base::MutableByteView, const std::array<std::uint8_t, 256>&);

  bool next_element(std::size_t& at, Element& out) const;

  base::ByteView bytes_;
  std::size_t header_size_ = 0;
  std::size_t padding_size_ = 0;
  std::size_t extension_offset_ = 0;
  std::size_t extension_size_ = 0;   // 0: none, or of a profile that RFC 8285 does not define
  bool two_byte_ = false;
};

// In place. REQUIRES: PacketView::parse accepted `packet`.
inline void set_payload_type(base::MutableByteView packet, std::uint8_t pt) {
  packet[1] = static_cast<std::uint8_t>((packet[1] & 0x80) | (pt & 0x7F));
}
inline void set_marker(base::MutableByteView packet, bool marker) {
  packet[1] = static_cast<std::uint8_t>((packet[1] & 0x7F) | (marker ? 0x80 : 0));
}
inline void set_sequence(base::MutableByteView packet, std::uint16_t s) { base::store_be16(packet.data() + 2, s); }
inline void set_timestamp(base::MutableByteView packet, std::uint32_t t) { base::store_be32(packet.data() + 4, t); }
inline void set_ssrc(base::MutableByteView packet, Ssrc ssrc) { base::store_be32(packet.data() + 8, ssrc); }
// Replaces the data of element `id`; false when it is not there or has another size.
bool overwrite_extension(base::MutableByteView packet, std::uint8_t id, base::ByteView data);
// Gives each element the id new_id[old id]; 0 turns the element into padding. False when a new id does not fit the
// packet's form (one-byte: 1 to 14); elements before it are renamed then.
bool rename_extensions(base::MutableByteView packet, const std::array<std::uint8_t, 256>& new_id);

struct HeaderFields {
  std::uint8_t payload_type = 0;
  bool marker = false;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  Ssrc ssrc = 0;
};

enum class ExtensionForm : std::uint8_t { kOneByte, kTwoByte };

// Writes a header without CSRCs: construct, add extensions, finish(). REQUIRES: room for 12 bytes.
class HeaderWriter {
 public:
  HeaderWriter(base::MutableByteView out, const HeaderFields& fields, ExtensionForm form = ExtensionForm::kOneByte)
      : out_(out), form_(form) {
    out_[0] = 0x80;
    out_[1] = static_cast<std::uint8_t>((fields.marker ? 0x80 : 0) | (fields.payload_type & 0x7F));
    base::store_be16(out_.data() + 2, fields.sequence);
    base::store_be32(out_.data() + 4, fields.timestamp);
    base::store_be32(out_.data() + 8, fields.ssrc);
  }

  // False, and nothing written, when the element fits neither the form (one-byte: id 1 to 14, 1 to 16 bytes; two-byte:
  // id 1 to 255, 0 to 255 bytes) nor the buffer.
  bool add_extension(std::uint8_t id, base::ByteView data) {
    const bool one = form_ == ExtensionForm::kOneByte;
    if (id == 0 || data.size() > 255 || (one && (id > 14 || data.empty() || data.size() > 16))) return false;
    const std::size_t start = at_ == kFixedHeader ? kFixedHeader + 4 : at_;
    const std::size_t end = start + (one ? 1 : 2) + data.size();
    if (((end + 3) & ~std::size_t{3}) > out_.size()) return false;
    std::uint8_t* p = out_.data() + start;
    if (one) {
      *p++ = static_cast<std::uint8_t>(id << 4 | (data.size() - 1));
    } else {
      *p++ = id;
      *p++ = static_cast<std::uint8_t>(data.size());
    }
    if (!data.empty()) std::memcpy(p, data.data(), data.size());
    at_ = end;
    return true;
  }

  // The header's size: padded and complete.
  std::size_t finish() {
    if (at_ == kFixedHeader) return at_;
    while (at_ % 4 != 0) out_[at_++] = 0;
    out_[0] |= 0x10;
    base::store_be16(out_.data() + 12, form_ == ExtensionForm::kOneByte ? kOneByteProfile : kTwoByteProfile);
    base::store_be16(out_.data() + 14, static_cast<std::uint16_t>((at_ - 16) / 4));
    return at_;
  }

 private:
  base::MutableByteView out_;
  std::size_t at_ = kFixedHeader;
  ExtensionForm form_;
};

// A whole packet without extensions or CSRCs into `out`; its size, 0 when it does not fit.
std::size_t write_packet(base::MutableByteView out, const HeaderFields& fields, base::ByteView payload);

}  // namespace rtp
