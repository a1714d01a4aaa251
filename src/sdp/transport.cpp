// The peer's addresses, ICE and DTLS parameters and streams, out of an m-line.
#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "sdp/session_state.hpp"

namespace sdp {
namespace {

constexpr std::size_t kMaxCandidates = 64;
constexpr std::size_t kMaxRemoteSsrcs = 16;

using base::equals_ignoring_case;

bool among(std::string_view text, std::span<const std::string_view> list) {
  return std::ranges::any_of(list, [&](std::string_view s) { return equals_ignoring_case(text, s); });
}

// RFC 8839 section 5.4: ice-char is ALPHA, DIGIT, "+" and "/".
bool ice_characters(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
           c == '-' || c == '_' || c == '=';   // the last three: seen in the field
  });
}

std::size_t digest_length(std::string_view hash) {
  if (hash == "sha-256") return 32;
  if (hash == "sha-384") return 48;
  if (hash == "sha-512") return 64;
  return 0;   // MD5 and SHA-1 are no proof of anything (RFC 8122 section 5)
}

bool usable(const Fingerprint& f) {
  const auto length = digest_length(f.hash);
  if (length == 0 || f.value.size() != length * 3 - 1) return false;
  for (std::size_t i = 0; i < f.value.size(); ++i) {
    if ((f.value[i] == ':') != (i % 3 == 2)) return false;
  }
  return true;
}

}  // namespace

bool webrtc_protocol(const Description& description, const Media& media) {
  static constexpr std::string_view kNames[] = {"UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF",
                                                "UDP/TLS/RTP/SAVP"};
  if (equals_ignoring_case(media.protocol, "RTP/SAVPF")) {
    return !media.fingerprints.empty() || !description.fingerprints.empty();
  }
  return among(media.protocol, kNames);
}

bool sdes_protocol(std::string_view protocol) {
  static constexpr std::string_view kNames[] = {"RTP/SAVP", "RTP/SAVPF"};
  return among(protocol, kNames);
}

bool plain_protocol(const Description& description, const Media& media) {
  static constexpr std::string_view kNames[] = {"RTP/AVP", "RTP/AVPF"};
  return among(media.protocol, kNames) || (sdes_protocol(media.protocol) && !webrtc_protocol(description, media));
}

PeerTransport peer_transport(const Description& description, const Media& media) {
  PeerTransport t;
  t.ice.ufrag = media.ice_ufrag.empty() ? description.ice_ufrag : media.ice_ufrag;
  t.ice.pwd = media.ice_pwd.empty() ? description.ice_pwd : media.ice_pwd;
  const auto& from = media.fingerprints.empty() ? description.fingerprints : media.fingerprints;
  for (const auto& f : from) {
    if (usable(f) && t.fingerprints.size() < 8) t.fingerprints.push_back(f);
  }
  t.setup = media.setup.value_or(description.setup.value_or(Setup::kActpass));
  return t;
}

std::string check_transport(const PeerTransport& t) {
  // RFC 8839 section 5.4: 4 to 256 and 22 to 256 characters.
  if (t.ice.ufrag.empty() || t.ice.pwd.empty()) return "no ICE credentials";
  if (t.ice.ufrag.size() < 4 || t.ice.ufrag.size() > 256 || !ice_characters(t.ice.ufrag)) return "bad ice-ufrag";
  if (t.ice.pwd.size() < 22 || t.ice.pwd.size() > 256 || !ice_characters(t.ice.pwd)) return "bad ice-pwd";
  if (t.fingerprints.empty()) return "no usable fingerprint";
  if (t.setup == Setup::kHoldconn) return "setup is holdconn";
  return {};
}

void read_candidates(const Media& media, std::vector<base::SocketAddress>& out) {
  for (const auto& c : media.candidates) {
    if (out.size() == kMaxCandidates) return;
    if (c.component != 1 || c.transport != "udp" || c.port == 0) continue;
    const auto address = base::SocketAddress::parse(c.address, c.port);   // an mDNS name is none
    if (address && std::ranges::find(out, *address) == out.end()) out.push_back(*address);
  }
}

const Connection* connection_of(const Description& description, const Media& media) {
  if (!media.connections.empty()) return &media.connections.front();
  return description.connection ? &*description.connection : nullptr;
}

bool read_plain_addresses(const Description& description, const Media& media, bool allow_mux, Negotiated& out) {
  const auto* connection = connection_of(description, media);
  if (!connection) return false;
  // "224.2.1.1/127" and the like is multicast: not here.
  const auto rtp = base::SocketAddress::parse(connection->address, media.port);
  if (!rtp) return false;
  out.rtcp_mux = allow_mux && media.rtcp_mux;
  if (rtp->is_any()) return true;   // RFC 2543's hold: what we know of it stays
  out.rtp = rtp;
  auto rtcp = *rtp;
  if (!out.rtcp_mux) rtcp.set_port(static_cast<std::uint16_t>(media.port + 1));
  if (media.rtcp && !out.rtcp_mux) {   // RFC 3605
    rtcp.set_port(media.rtcp->port);
    if (media.rtcp->connection) {
      if (const auto a = base::SocketAddress::parse(media.rtcp->connection->address, media.rtcp->port)) rtcp = *a;
    }
  }
  out.rtcp = rtcp;
  return true;
}

void read_remote_streams(const Media& media, Section& out) {
  out.remote_ssrcs.clear();
  out.remote_msid = {};
  const auto known = [&](std::uint32_t ssrc) {
    return std::ranges::any_of(out.remote_ssrcs, [&](const RemoteSsrc& r) { return r.ssrc == ssrc || r.rtx_ssrc == ssrc; });
  };
  for (const auto& group : media.ssrc_groups) {
    if (group.semantics != "FID" || group.ssrcs.size() != 2 || out.remote_ssrcs.size() == kMaxRemoteSsrcs) continue;
    if (!known(group.ssrcs[0]) && !known(group.ssrcs[1])) out.remote_ssrcs.push_back({group.ssrcs[0], group.ssrcs[1]});
  }
  for (const auto& s : media.ssrcs) {
    if (out.remote_ssrcs.size() < kMaxRemoteSsrcs && !known(s.ssrc)) out.remote_ssrcs.push_back({s.ssrc, std::nullopt});
  }
  if (!media.msids.empty()) out.remote_msid = media.msids.front();
  out.remote_content = media.content;
}

const Group* bundle_group(const Description& description) {
  for (const auto& group : description.groups) {
    if (group.semantics == "BUNDLE" && !group.mids.empty()) return &group;
  }
  return nullptr;
}

}  // namespace sdp
