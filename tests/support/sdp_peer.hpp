// For tests of offer and answer: captured bodies, and a browser's and a phone's texts.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "sdp/description.hpp"
#include "sdp/negotiation.hpp"

namespace test_support {

inline std::string read_sdp(const std::string& name) {
  std::ifstream file(std::string(PARLEY_SOURCE_DIR) + "/tests/sdp/captures/" + name + ".sdp", std::ios::binary);
  EXPECT_TRUE(file) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}
inline std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += what.size()) ++n;
  return n;
}

inline constexpr std::string_view kPeerUfrag = "vRQw";
inline constexpr std::string_view kPeerPwd = "ohdCOZ5TKIBPEpy9syN6MBh/";
inline constexpr std::string_view kPeerFingerprint =
    "7A:AB:DE:7A:E9:9B:AE:58:68:07:98:B1:4A:93:6D:E4:7E:93:9C:3A:26:C2:76:76:2E:E9:35:96:16:72:76:5F";

inline sdp::LocalConfig local_config() {
  sdp::LocalConfig c;
  c.webrtc_address = "198.51.100.1";
  c.webrtc_port = 7000;
  c.ice = {"serverufrag", "serverpasswordserverpassword"};
  c.candidates = {"1 1 udp 2130706431 198.51.100.1 7000 typ host", "2 1 udp 2130706175 2001:db8::1 7000 typ host"};
  c.fingerprints = {{"sha-256", std::string(kPeerFingerprint)}};
  c.plain_address = "198.51.100.2";
  c.rtp_port = 8000;
  return c;
}

// As Chromium words an m-line's answer (see tests/sdp/captures/join-answer.sdp): c= of its own, ICE and DTLS in each, the
// codecs of the offer in its order; with port 0 nothing but a mid.
inline std::string chromium_answer(std::string_view offer_text, const std::set<std::string>& refuse = {}) {
  const auto offer = sdp::parse(offer_text);
  EXPECT_TRUE(offer);
  std::string group = "a=group:BUNDLE";
  std::string body;
  for (const auto& m : offer->media) {
    if (m.port == 0 || refuse.contains(m.mid)) {
      body += "m=" + m.media + " 0 " + m.protocol + " 0\r\nc=IN IP4 0.0.0.0\r\na=mid:" + m.mid + "\r\na=inactive\r\n";
      continue;
    }
    group += " " + m.mid;
    body += "m=" + m.media + " 9 " + m.protocol;
    for (const auto& f : m.formats) body += " " + f;
    body += "\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n";
    (((body += "a=ice-ufrag:") += kPeerUfrag) += "\r\na=ice-pwd:") += kPeerPwd;
    ((body += "\r\na=ice-options:trickle\r\na=fingerprint:sha-256 ") += kPeerFingerprint) += "\r\na=setup:active\r\n";
    body += "a=mid:" + m.mid + "\r\n";
    for (const auto& e : m.extmaps) body += "a=extmap:" + std::to_string(e.id) + " " + e.uri + "\r\n";
    ((body += "a=") += sdp::to_string(sdp::reversed(m.direction.value_or(sdp::Direction::kSendRecv)))) += "\r\n";
    body += m.rtcp_rsize ? "a=rtcp-mux\r\na=rtcp-rsize\r\n" : "a=rtcp-mux\r\n";
    for (const auto& r : m.rtpmaps) {
      body += "a=rtpmap:" + std::to_string(r.payload_type) + " " + r.name + "/" + std::to_string(r.clock_rate) +
              (r.channels > 1 ? "/" + std::to_string(r.channels) : "") + "\r\n";
    }
    for (const auto& f : m.feedback) {
      body += "a=rtcp-fb:" + (f.payload_type ? std::to_string(*f.payload_type) : "*") + " " + f.value + "\r\n";
    }
    for (const auto& f : m.fmtps) body += "a=fmtp:" + std::to_string(f.payload_type) + " " + f.parameters + "\r\n";
  }
  return "v=0\r\no=- 1291451873859690679 4 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" + group + "\r\n" + body;
}

// One m-line of a WebRTC offer. `more` are further lines, each with its line end.
inline std::string webrtc_section(std::string_view media, std::string_view mid, std::string_view formats,
                                  std::string_view more) {
  std::string s = "m=";
  (((s += media) += " 9 UDP/TLS/RTP/SAVPF ") += formats) += "\r\nc=IN IP4 0.0.0.0\r\na=mid:";
  (((s += mid) += "\r\na=ice-ufrag:") += kPeerUfrag) += "\r\na=ice-pwd:";
  ((s += kPeerPwd) += "\r\na=fingerprint:sha-256 ") += kPeerFingerprint;
  return (s += "\r\na=setup:actpass\r\na=rtcp-mux\r\n") += more;
}
inline std::string webrtc_offer(std::string_view mids, std::string_view sections) {
  std::string s = "v=0\r\no=mozilla 55 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE ";
  return ((s += mids) += "\r\n") += sections;
}
inline constexpr std::string_view kOpus = "a=rtpmap:109 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n";
inline constexpr std::string_view kVp8 = "a=rtpmap:120 VP8/90000\r\na=rtcp-fb:120 nack\r\na=rtcp-fb:120 nack pli\r\n";

inline sdp::RemoteSource video_source(std::uint64_t id, std::string codec = "VP8", std::string fmtp = "") {
  sdp::RemoteSource s;
  s.source_id = id;
  s.label = "p" + std::to_string(id);
  s.codec = std::move(codec);
  s.fmtp = std::move(fmtp);
  s.content = "main";
  return s;
}

}  // namespace test_support
