// A browser's media as the server sees it: ICE checks, DTLS-SRTP with AES-GCM, video packets in VP8's wrapping sent and counted,
// every so many of them decrypted. Signalling by a Leg.
#pragma once

#include <memory>
#include <optional>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "load/sip_leg.hpp"
#include "support/webrtc_client.hpp"

namespace load {

inline constexpr std::size_t kVp8 = 96, kRtx = 97, kOpus = 111;

struct PeerConfig {
  bool audio = false;              // an Opus m-line
  bool publishes = false;          // a video of its own
  bool video = true;               // a video m-line at all: without publishing it only receives
  std::size_t packet_size = 1100;  // whole RTP packets, before SRTP
  std::uint32_t sample = 16;       // decrypts every so manyth packet
};

class RtcPeer final : public Readable {
 public:
  // What came by one SSRC.
  struct Incoming {
    std::uint32_t ssrc = 0;
    std::uint8_t payload_type = 0;
    std::uint64_t packets = 0;
  };

  RtcPeer(Loop& loop, std::unique_ptr<Leg> leg, PeerConfig config)
      : leg_(std::move(leg)), config_(config), ufrag_(base::random_token(8)), ssrc_(base::random_u32() | 1), dtls_("SRTP_AEAD_AES_128_GCM"),
        fd_(udp_socket()), sequence_(static_cast<std::uint16_t>(base::random_u32() & 0x7fff)) {
    loop.add(fd_, *this);
    leg_->on_established = [this](Leg&, std::string_view sdp) { on_answer(sdp); };
    leg_->on_offer = [this](Leg&, std::string_view sdp) { return answer(sdp); };
  }
  ~RtcPeer() override { ::close(fd_); }

  Leg& leg() { return *leg_; }
  void invite(bool events) { leg_->invite(offer(), events); }
  bool connected() const { return static_cast<bool>(out_); }

  // Checks that are due: until the first is answered every 50 ms, then every 2 s (a browser's are as seldom).
  void tick(std::uint64_t now) {
    if (server_.sin_port == 0 || now < next_check_) return;
    next_check_ = now + (checked_ ? 2'000'000 : 50'000);
    support::CheckOptions options;
    options.use_candidate = true;
    send(support::binding_request(credentials_, ufrag_, options));
  }

  // A packet of a video frame; `stamp` is found again by whoever decrypts it.
  void send_video(std::uint32_t timestamp, bool marker, bool key_frame_start, std::uint64_t stamp) {
    auto packet = header(kVp8, ssrc_, sequence_++, timestamp, marker, "1");
    const std::size_t head = packet.size();
    packet.resize(config_.packet_size, 0x55);
    auto* p = packet.data() + head;
    p[0] = key_frame_start ? 0x10 : 0x00;              // VP8 payload descriptor (RFC 7741): S on a frame's first packet
    p[1] = key_frame_start ? 0x00 : 0x01;              // VP8 header: P, inverse key frame
    base::store_be64(p + 16, stamp);
    base::store_be32(p + 24, kMagic);
    protect_and_send(packet);
    ++sent;
  }
  void send_audio(std::uint32_t timestamp, base::ByteView payload, std::uint8_t level) {
    auto packet = header(kOpus, ssrc_ + 2, audio_sequence_++, timestamp, false, "0", level);
    packet.insert(packet.end(), payload.begin(), payload.end());
    protect_and_send(packet);
  }

  void on_readable() override {
    Receiver::shared().drain(fd_, [this](std::uint8_t* data, std::size_t size) {
      if (size == 0) return;
      if (data[0] < 4) return on_stun();
      if (data[0] >= 20 && data[0] < 64) return on_dtls({data, size});
      if (size >= 12 && data[0] >= 128 && (data[1] < 192 || data[1] > 223)) return on_rtp({data, size});
      ++rtcp;
    });
  }

  std::vector<Incoming> incoming;
  Samples latency;
  std::uint64_t sent = 0, rtcp = 0, sampled = 0, undecipherable = 0;

 private:
  static constexpr std::uint32_t kMagic = 0x50415243;

  static base::Bytes header(std::size_t type, std::uint32_t ssrc, std::uint16_t sequence, std::uint32_t timestamp, bool marker, std::string_view mid,
                            std::optional<std::uint8_t> level = {}) {
    base::Bytes p(12 + 4 + 12);
    p[0] = 0x90;
    p[1] = static_cast<std::uint8_t>((marker ? 0x80 : 0) | type);
    base::store_be16(p.data() + 2, sequence);
    base::store_be32(p.data() + 4, timestamp);
    base::store_be32(p.data() + 8, ssrc);
    base::store_be16(p.data() + 12, 0xbede);
    base::store_be16(p.data() + 14, 3);
    auto* e = p.data() + 16;
    *e++ = 0x40;                                          // MID
    *e++ = static_cast<std::uint8_t>(mid[0]);
    *e++ = 0x22;                                          // abs-send-time: 6.18 fixed point seconds
    base::store_be24(e, static_cast<std::uint32_t>((now_us() << 18) / 1'000'000) & 0xffffff);
    e += 3;
    *e++ = 0x31;                                          // transport-wide sequence number
    base::store_be16(e, 0);                               // filled in by protect_and_send()
    e += 2;
    if (level) {
      *e++ = 0x10;
      *e = *level;
    }
    return p;
  }

  void protect_and_send(base::Bytes& packet) {
    base::store_be16(packet.data() + 23, transport_sequence_++);
    const auto size = packet.size();
    packet.resize(size + webrtc::kSrtpOverhead);
    const auto written = out_.protect_rtp(packet, size);
    packet.resize(written);
    send(packet);
  }
  void send(const base::Bytes& datagram) {
    static_cast<void>(::sendto(fd_, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&server_), sizeof server_));
  }

  void on_stun() {
    if (std::exchange(checked_, true)) return;
    for (const auto& d : dtls_.step()) send(d);
  }
  void on_dtls(base::ByteView datagram) {
    for (const auto& d : dtls_.receive(datagram)) send(d);
    if (dtls_.connected() && !out_) {
      auto sessions = dtls_.sessions();
      out_ = std::move(sessions.first);
      in_ = std::move(sessions.second);
    }
  }
  void on_rtp(base::MutableByteView packet) {
    const auto ssrc = base::load_be32(packet.data() + 8);
    auto found = std::find_if(incoming.begin(), incoming.end(), [&](const auto& i) { return i.ssrc == ssrc; });
    if (found == incoming.end()) {
      incoming.push_back({ssrc, static_cast<std::uint8_t>(packet[1] & 127), 0});
      found = incoming.end() - 1;
    }
    if (++found->packets % config_.sample != 0 || found->payload_type != kVp8) return;
    const auto size = in_.unprotect_rtp(packet);
    if (size == 0) {
      ++undecipherable;
      return;
    }
    // The payload begins behind the extensions, whatever they are now.
    std::size_t at = 12;
    if (packet[0] & 0x10) at += 4 + std::size_t{4} * base::load_be16(packet.data() + at + 2);
    if (size < at + 28 || base::load_be32(packet.data() + at + 24) != kMagic) {
      ++undecipherable;
      return;
    }
    ++sampled;
    latency.add(static_cast<double>(now_us() - base::load_be64(packet.data() + at + 16)));
  }

  std::string transport_lines() const {
    const auto print = dtls_.fingerprint();
    return fmt::format("c=IN IP4 127.0.0.1\r\na=candidate:1 1 udp 2122194687 127.0.0.1 {} typ host\r\na=ice-ufrag:{}\r\na=ice-pwd:loadloadloadloadloadload\r\n"
                       "a=fingerprint:{} {}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n", port_of(fd_), ufrag_, print.hash, print.value);
  }
  std::string session_lines(std::string_view bundle) {
    return fmt::format("v=0\r\no=- 7 {} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{}\r\na=msid-semantic: WMS *\r\n", ++version_, bundle);
  }
  std::string offer() {
    std::string bundle, sections;
    if (config_.audio) {
      bundle += " 0";
      sections += fmt::format("m=audio {} UDP/TLS/RTP/SAVPF 111\r\n{}a=setup:actpass\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
                              "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:3 {}\r\na=sendrecv\r\na=msid:s{} a{}\r\na=rtpmap:111 opus/48000/2\r\n"
                              "a=fmtp:111 minptime=10;useinbandfec=1\r\na=ssrc:{} cname:load\r\n",
                              port_of(fd_), transport_lines(), kTransportSequence, leg_->index, leg_->index, ssrc_ + 2);
    }
    if (config_.video) {
      bundle += " 1";
      sections += fmt::format("m=video {} UDP/TLS/RTP/SAVPF 96 97\r\n{}a=setup:actpass\r\na=mid:1\r\na=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
                              "a=extmap:3 {}\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na={}\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\n"
                              "a=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n",
                              port_of(fd_), transport_lines(), kTransportSequence, config_.publishes ? "sendrecv" : "recvonly");
      if (config_.publishes) {
        sections += fmt::format("a=msid:s{0} v{0}\r\na=ssrc-group:FID {1} {2}\r\na=ssrc:{1} cname:load\r\na=ssrc:{2} cname:load\r\n", leg_->index, ssrc_, ssrc_ + 1);
      }
    }
    return session_lines(bundle) + sections;
  }

  static std::string_view attribute(std::string_view sdp, std::string_view name) {
    const auto at = sdp.find(name);
    if (at == sdp.npos) return {};
    const auto begin = at + name.size();
    return sdp.substr(begin, sdp.find_first_of("\r\n", begin) - begin);
  }
  void on_answer(std::string_view sdp) {
    credentials_.ufrag = attribute(sdp, "\na=ice-ufrag:");
    credentials_.pwd = attribute(sdp, "\na=ice-pwd:");
    server_ = loopback(media_port(sdp));
    if (credentials_.ufrag.empty()) die("an answer without ICE:\n" + std::string(sdp));
  }

  // Every m-line as it was offered, with our transport; the others' videos are received.
  std::string answer(std::string_view sdp) {
    std::string bundle, sections;
    for (auto at = sdp.find("\nm="); at != sdp.npos;) {
      const auto end = sdp.find("\nm=", at + 1);
      const auto section = sdp.substr(at + 1, end == sdp.npos ? end : end - at);
      sections += answer_section(section);
      if (!section.substr(0, section.find('\r')).starts_with("m=video 0 ")) bundle += fmt::format(" {}", attribute(section, "\na=mid:"));
      at = end;
    }
    return session_lines(bundle) + sections;
  }
  std::string answer_section(std::string_view section) {
    std::string out;
    std::string_view direction = "a=inactive\r\n";
    for (std::size_t at = 0; at < section.size();) {
      const auto end = std::min(section.find('\n', at), section.size() - 1);
      const auto line = section.substr(at, end + 1 - at);
      at = end + 1;
      if (line.starts_with("m=")) {
        const auto port = line.find(' ') + 1;
        const auto rest = line.substr(line.find(' ', port));
        const bool off = line.substr(port).starts_with("0 ");
        out += fmt::format("{}{}{}", line.substr(0, port), off ? 0 : port_of(fd_), rest) + transport_lines() + "a=setup:active\r\n";
      } else if (line.starts_with("a=sendrecv")) {
        direction = "a=sendrecv\r\n";
      } else if (line.starts_with("a=recvonly")) {
        direction = "a=sendonly\r\n";
      } else if (line.starts_with("a=sendonly")) {
        direction = "a=recvonly\r\n";
      } else if (line.starts_with("a=mid:") || line.starts_with("a=rtpmap:") || line.starts_with("a=fmtp:") || line.starts_with("a=rtcp-fb:") ||
                 line.starts_with("a=extmap:")) {
        out += line;
      }
    }
    out += direction;
    if (out.starts_with("m=video") && direction.find("send") != direction.npos && config_.publishes) {
      out += fmt::format("a=msid:s{0} v{0}\r\na=ssrc-group:FID {1} {2}\r\na=ssrc:{1} cname:load\r\na=ssrc:{2} cname:load\r\n", leg_->index, ssrc_, ssrc_ + 1);
    }
    return out;
  }

  static constexpr std::string_view kTransportSequence = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

  std::unique_ptr<Leg> leg_;
  const PeerConfig config_;
  const std::string ufrag_;
  const std::uint32_t ssrc_;
  support::DtlsClient dtls_;
  const int fd_;
  std::uint16_t sequence_, audio_sequence_ = 1, transport_sequence_ = 1;
  webrtc::SrtpSession out_, in_;
  webrtc::IceCredentials credentials_;
  sockaddr_in server_{};
  std::uint64_t next_check_ = 0;
  int version_ = 0;
  bool checked_ = false;
};

}  // namespace load
