#include "rtp/packet.hpp"

namespace rtp {

std::optional<PacketView> PacketView::parse(base::ByteView bytes) {
  if (bytes.size() < kFixedHeader || bytes[0] >> 6 != 2) return std::nullopt;
  PacketView view;
  view.bytes_ = bytes;
  std::size_t size = kFixedHeader + 4 * std::size_t{bytes[0] & 0x0Fu};
  if (size > bytes.size()) return std::nullopt;
  if ((bytes[0] & 0x10) != 0) {
    if (size + 4 > bytes.size()) return std::nullopt;
    const std::uint16_t profile = base::load_be16(bytes.data() + size);
    const std::size_t length = 4 * std::size_t{base::load_be16(bytes.data() + size + 2)};
    size += 4;
    if (length > bytes.size() - size) return std::nullopt;
    view.two_byte_ = (profile & kTwoByteProfileMask) == kTwoByteProfile;
    if (view.two_byte_ || profile == kOneByteProfile) {
      view.extension_offset_ = size;
      view.extension_size_ = length;
    }
    size += length;
  }
  view.header_size_ = size;
  if ((bytes[0] & 0x20) != 0) {
    if (size == bytes.size()) return std::nullopt;
    view.padding_size_ = bytes.back();
    if (view.padding_size_ == 0 || view.padding_size_ > bytes.size() - size) return std::nullopt;
  }
  return view;
}

bool PacketView::next_element(std::size_t& at, Element& out) const {
  const std::uint8_t* data = bytes_.data() + extension_offset_;
  while (at < extension_size_ && data[at] == 0) ++at;   // padding between elements
  if (at >= extension_size_) return false;
  std::size_t size = 0;
  if (two_byte_) {
    if (at + 2 > extension_size_) return false;
    out.id = data[at];
    size = data[at + 1];
    at += 2;
  } else {
    out.id = data[at] >> 4;
    // RFC 8285 4.2: id 15 ends processing; id 0 with a length is padding that nobody should send.
    if (out.id == 15 || out.id == 0) return false;
    size = (data[at] & 0x0Fu) + 1u;
    at += 1;
  }
  if (size > extension_size_ - at) return false;
  out.size = static_cast<std::uint8_t>(size);
  out.offset = extension_offset_ + at;
  at += size;
  return true;
}

bool overwrite_extension(base::MutableByteView packet, std::uint8_t id, base::ByteView data) {
  const auto view = PacketView::parse(packet);
  if (!view) return false;
  std::size_t at = 0;
  PacketView::Element e;
  while (view->next_element(at, e)) {
    if (e.id != id) continue;
    if (e.size != data.size()) return false;
    if (!data.empty()) std::memcpy(packet.data() + e.offset, data.data(), data.size());
    return true;
  }
  return false;
}

bool rename_extensions(base::MutableByteView packet, const std::array<std::uint8_t, 256>& new_id) {
  const auto view = PacketView::parse(packet);
  if (!view) return false;
  std::size_t at = 0;
  PacketView::Element e;
  while (view->next_element(at, e)) {
    const std::uint8_t id = new_id[e.id];
    const std::size_t head = view->two_byte_ ? 2 : 1;
    if (id == 0) {
      std::memset(packet.data() + e.offset - head, 0, head + e.size);
    } else if (view->two_byte_) {
      packet[e.offset - 2] = id;
    } else if (id > 14) {
      return false;
    } else {
      packet[e.offset - 1] = static_cast<std::uint8_t>(id << 4 | (e.size - 1));
    }
  }
  return true;
}

std::size_t write_packet(base::MutableByteView out, const HeaderFields& fields, base::ByteView payload) {
  if (out.size() < kFixedHeader + payload.size()) return 0;
  HeaderWriter writer(out, fields);
  const std::size_t header = writer.finish();
  if (!payload.empty()) std::memcpy(out.data() + header, payload.data(), payload.size());
  return header + payload.size();
}

}  // namespace rtp
