// From what is agreed or wanted to a description.
#include "base/text.hpp"
#include "sdp/attribute_parser.hpp"
#include "sdp/session_state.hpp"

namespace sdp {
namespace {

Connection connection_to(std::string_view address) {
  return {"IN", address.find(':') != address.npos ? "IP6" : "IP4", std::string(address)};
}

void add_feedback(const Codec& c, Media& m) {
  const auto add = [&](bool set, const char* value) {
    if (set) m.feedback.push_back({c.receive_payload_type, value});
  };
  add(c.feedback.goog_remb, "goog-remb");
  add(c.feedback.transport_cc, "transport-cc");
  add(c.feedback.ccm_fir, "ccm fir");
  add(c.feedback.nack, "nack");
  add(c.feedback.nack_pli, "nack pli");
}

void add_codec(const Codec& c, std::string fmtp, Media& m) {
  const auto pt = c.receive_payload_type;
  m.formats.push_back(std::to_string(pt));
  m.rtpmaps.push_back({pt, c.name, c.clock_rate, c.channels});
  if (!fmtp.empty()) m.fmtps.push_back({pt, std::move(fmtp)});
  add_feedback(c, m);
  if (!c.rtx_receive_payload_type) return;
  const auto rtx = *c.rtx_receive_payload_type;
  m.formats.push_back(std::to_string(rtx));
  m.rtpmaps.push_back({rtx, "rtx", c.clock_rate, 1});
  m.fmtps.push_back({rtx, "apt=" + std::to_string(pt)});
}

// What we say of ourselves. For video the peer's own words: they name the format, and we forward.
std::string own_fmtp(const Codec& c) {
  if (base::equals_ignoring_case(c.name, "opus")) return known_codec("opus")->fmtp;
  return c.fmtp;
}

void add_streams(const SessionState& state, const Section& s, Media& m) {
  m.msids.push_back(s.msid);
  m.label = s.label;
  m.content = s.content;
  if (s.ssrc == 0 || !sends(*m.direction)) return;
  if (s.rtx_ssrc != 0) m.ssrc_groups.push_back({"FID", {s.ssrc, s.rtx_ssrc}});
  for (const auto ssrc : {s.ssrc, s.rtx_ssrc}) {
    if (ssrc != 0) m.ssrcs.push_back({ssrc, {"cname", state.stream_id}});
  }
}

void add_webrtc(const LocalConfig& config, const SessionState& state, Purpose purpose, Media& m) {
  m.port = config.webrtc_port;
  m.ice_ufrag = state.agreed.local_ice.ufrag;
  m.ice_pwd = state.agreed.local_ice.pwd;
  m.fingerprints = config.fingerprints;
  // RFC 8842 section 5.2: in an offer any role is open; but the one that is held is offered again, since pages exist
  // that turn "actpass" into "active" and so would turn the roles about.
  const bool open = purpose == Purpose::kOffer && !state.established;
  m.setup = open ? Setup::kActpass : state.agreed.dtls_role == DtlsRole::kServer ? Setup::kPassive : Setup::kActive;
  m.rtcp_mux = true;
}

void add_cryptos(const SessionState& state, Purpose purpose, Media& m) {
  const auto& sdes = state.agreed.sdes;
  if (purpose == Purpose::kOffer) {
    for (const auto& crypto : state.offered_cryptos) m.cryptos.push_back(write_crypto(crypto));
  } else if (sdes) {
    m.cryptos.push_back(write_crypto({sdes->tag, sdes->local}));
  }
}

Media compose_section(const LocalConfig& config, const SessionState& state, const Section& s, Purpose purpose) {
  Media m;
  m.media = s.media;
  m.protocol = s.protocol;
  m.mid = s.mid;
  if (!s.active) {   // RFC 3264 section 6: port 0, and some format
    m.formats = s.formats;
    if (m.formats.empty()) m.formats.push_back("0");
    m.direction = Direction::kInactive;
    return m;
  }
  m.direction = purpose == Purpose::kOffer ? s.offered : s.direction;
  for (const auto& c : s.codecs) add_codec(c, own_fmtp(c), m);
  for (const auto& t : s.telephone_events) add_codec(t, "0-16", m);
  for (const auto& e : s.extensions) m.extmaps.push_back({e.id, std::nullopt, e.uri, ""});
  m.rtcp_rsize = s.rtcp_rsize;
  if (s.kind == MediaKind::kAudio) m.ptime = 20;
  if (state.agreed.kind == TransportKind::kWebrtc) {
    add_webrtc(config, state, purpose, m);
  } else {
    m.port = config.rtp_port;
    m.rtcp_mux = purpose == Purpose::kOffer ? config.plain_rtcp_mux : state.agreed.rtcp_mux;
    if (config.rtcp_port != 0) m.rtcp = Rtcp{config.rtcp_port, std::nullopt};
    add_cryptos(state, purpose, m);
  }
  add_streams(state, s, m);
  return m;
}

}  // namespace

Description compose(const LocalConfig& config, const SessionState& state, Purpose purpose) {
  Description d;
  const bool webrtc = state.agreed.kind == TransportKind::kWebrtc;
  const auto connection = connection_to(webrtc ? config.webrtc_address : config.plain_address);
  d.session_name = config.session_name;
  d.connection = connection;
  d.origin.address_type = connection.address_type;
  d.origin.address = connection.address;
  Group bundle{"BUNDLE", {}};
  bool candidates = false;
  for (const auto& s : state.agreed.sections) {
    auto& m = d.media.emplace_back(compose_section(config, state, s, purpose));
    if (!s.active || !webrtc) continue;
    if (!s.mid.empty()) bundle.mids.push_back(s.mid);
    if (candidates) continue;
    candidates = true;   // RFC 8843: the first of the group carries the transport's
    for (const auto& text : config.candidates) {
      if (auto c = parse_candidate(text)) m.candidates.push_back(std::move(*c));
    }
    m.end_of_candidates = true;
  }
  if (webrtc) {
    d.ice_lite = true;
    d.other.push_back({"msid-semantic", "WMS *"});
    const bool grouped = state.agreed.bundle || (purpose == Purpose::kOffer && !state.established);
    if (grouped && !bundle.mids.empty()) d.groups.push_back(std::move(bundle));
  }
  return d;
}

}  // namespace sdp
