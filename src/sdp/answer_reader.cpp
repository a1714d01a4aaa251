// The peer answers our offer.
#include <algorithm>
#include <unordered_set>

#include "base/text.hpp"
#include "sdp/session_state.hpp"

namespace sdp {
namespace {

class AnswerReader {
 public:
  AnswerReader(const LocalConfig& config, const Description& answer, SessionState& state)
      : config_(config), answer_(answer), state_(state) {}

  base::Status run();

 private:
  bool webrtc() const { return state_.agreed.kind == TransportKind::kWebrtc; }
  base::Status read_section(const Media& m, Section& s);
  void close(const Media& m, Section& s);
  std::vector<Codec> agree(const std::vector<Codec>& offered, const std::vector<Codec>& answered) const;
  void agree_direction(const Media& m, Section& s) const;
  base::Status read_crypto(const Media& m);
  base::Status read_transport();
  void learn_video();

  const LocalConfig& config_;
  const Description& answer_;
  SessionState& state_;
};

base::Status AnswerReader::run() {
  auto& sections = state_.agreed.sections;
  if (answer_.media.size() != sections.size()) return base::malformed("another number of m-lines than offered");
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (!sections[i].active) continue;   // offered with port 0: whatever the answer says of it, it is gone
    if (auto status = read_section(answer_.media[i], sections[i]); !status) return status;
  }
  if (std::ranges::none_of(sections, &Section::active)) {
    return base::fail(base::ErrorCode::kUnsupported, "every m-line was refused");
  }
  if (!state_.established) learn_video();
  return webrtc() ? read_transport() : base::Status{};
}

base::Status AnswerReader::read_section(const Media& m, Section& s) {
  const auto where = "m-line " + std::to_string(s.index);
  if (kind_of(m.media) != s.kind) return base::malformed(where + " is of another kind than offered");
  if (m.port == 0) {
    close(m, s);
    return {};
  }
  if (!m.mid.empty() && m.mid != s.mid) return base::malformed(where + " has another mid than offered");
  if (m.mid.empty() && !webrtc()) s.mid.clear();   // the peer doesn't know RFC 5888
  const bool fits = webrtc() ? webrtc_protocol(answer_, m)
                             : plain_protocol(answer_, m) && sdes_protocol(m.protocol) == !state_.offered_cryptos.empty();
  if (!fits) return base::malformed(where + " has another protocol than offered");
  if (webrtc() && !m.rtcp_mux) return base::fail(base::ErrorCode::kUnsupported, where + " has no rtcp-mux");
  const auto list = list_codecs(m);
  auto codecs = agree(s.codecs, list.codecs);
  if (codecs.empty()) {
    if (s.role == Role::kOwnVideo && s.opened_for_peer) {   // port 0 was meant: the next offer says so
      close(m, s);
      return {};
    }
    if (s.role != Role::kSlot) return base::fail(base::ErrorCode::kUnsupported, where + " has no common codec");
    state_.refused.insert(s.source_id);   // the next offer closes it
    s.direction = Direction::kInactive;
    return {};
  }
  s.codecs = std::move(codecs);
  s.telephone_events = agree(s.telephone_events, list.telephone_events);
  const auto clock = s.codecs.front().clock_rate;
  const auto event = std::ranges::find(s.telephone_events, clock, &Codec::clock_rate);
  if (event != s.telephone_events.end()) std::rotate(s.telephone_events.begin(), event, event + 1);
  std::erase_if(s.extensions, [&](const Extension& e) {
    return std::ranges::none_of(m.extmaps, [&](const Extmap& x) { return x.id == e.id && x.uri == e.uri; });
  });
  s.rtcp_rsize = s.rtcp_rsize && m.rtcp_rsize;
  s.ptime = m.ptime && *m.ptime >= 10 && *m.ptime <= 120 ? m.ptime : std::nullopt;
  read_remote_streams(m, s);
  agree_direction(m, s);
  if (!webrtc() && !read_plain_addresses(answer_, m, config_.plain_rtcp_mux, state_.agreed)) {
    return base::fail(base::ErrorCode::kUnsupported, where + " has no usable address");
  }
  return webrtc() ? base::Status{} : read_crypto(m);
}

// RFC 4568 section 5.1.3: one line, of a tag and suite that we offered; anything else ends the exchange.
base::Status AnswerReader::read_crypto(const Media& m) {
  if (state_.offered_cryptos.empty()) return {};
  const auto refuse = [](const char* why) { return base::fail(base::ErrorCode::kUnsupported, why); };
  if (m.cryptos.size() != 1) return refuse("not one crypto line");
  auto theirs = parse_crypto(m.cryptos.front());
  if (!theirs) return refuse("no acceptable crypto line");
  const auto ours = std::ranges::find_if(state_.offered_cryptos, [&](const Crypto& c) {
    return c.tag == theirs->tag && c.key.suite == theirs->key.suite;
  });
  if (ours == state_.offered_cryptos.end()) return refuse("another crypto line than offered");
  if (ours->key == theirs->key) return refuse("a key that is ours");
  state_.agreed.sdes = Sdes{ours->tag, ours->key, theirs->key};
  state_.offered_cryptos.clear();
  return {};
}

void AnswerReader::close(const Media& m, Section& s) {
  if (s.role == Role::kSlot) state_.refused.insert(s.source_id);
  if (s.role == Role::kOwnVideo) state_.video_refused = true;
  Section none;
  none.index = s.index, none.mid = s.mid, none.kind = s.kind, none.media = s.media, none.protocol = s.protocol;
  if (!m.formats.empty()) none.formats = {m.formats.front()};
  s = std::move(none);
}

// In the answer's order. It may give a codec another number than the offer has: we send with the answer's and receive
// with our own (RFC 3264 section 6.1).
std::vector<Codec> AnswerReader::agree(const std::vector<Codec>& offered, const std::vector<Codec>& answered) const {
  std::vector<Codec> result;
  std::vector<bool> used(offered.size());
  for (const auto& a : answered) {
    std::size_t match = offered.size();
    for (std::size_t i = 0; i < offered.size(); ++i) {
      if (used[i] || !base::equals_ignoring_case(offered[i].name, a.name) || offered[i].clock_rate != a.clock_rate) continue;
      if (offered[i].receive_payload_type == a.payload_type) {
        match = i;
        break;
      }
      if (match == offered.size() && same_codec(offered[i], a)) match = i;
    }
    if (match == offered.size()) continue;
    used[match] = true;
    Codec c = offered[match];
    c.payload_type = a.payload_type;
    c.fmtp = a.fmtp.empty() ? c.fmtp : a.fmtp;
    c.feedback = intersect(c.feedback, a.feedback);
    c.rtx_payload_type = c.rtx_payload_type ? a.rtx_payload_type : std::nullopt;
    if (!c.rtx_payload_type) c.rtx_receive_payload_type.reset();
    result.push_back(std::move(c));
  }
  return result;
}

void AnswerReader::agree_direction(const Media& m, Section& s) const {
  auto peer = m.direction.value_or(answer_.direction.value_or(Direction::kSendRecv));
  if (!webrtc()) {
    const auto* c = connection_of(answer_, m);
    const auto address = c ? base::SocketAddress::parse(c->address, m.port) : std::nullopt;
    if (address && address->is_any()) peer = peer & Direction::kSendOnly;
  }
  // Of a direction that our offer shut off, the answer says nothing of what the peer would like.
  const auto open = reversed(s.offered);
  const auto shut = reversed(Direction::kSendRecv) & static_cast<Direction>(3 & ~static_cast<unsigned>(open));
  s.peer_wish = (peer & open) | (s.peer_wish & shut);
  s.direction = s.offered & reversed(peer);
}

base::Status AnswerReader::read_transport() {
  auto& agreed = state_.agreed;
  std::unordered_set<std::string_view> bundled;
  if (const auto* group = bundle_group(answer_)) bundled.insert(group->mids.begin(), group->mids.end());
  std::size_t active = 0;
  bool found = false;
  std::string reason = "no transport";
  for (std::size_t i = 0; i < agreed.sections.size(); ++i) {
    const auto& s = agreed.sections[i];
    if (!s.active) continue;
    ++active;
    if (active > 1 && !bundled.contains(s.mid)) {
      return base::fail(base::ErrorCode::kUnsupported, "m-line " + std::to_string(i) + " is outside of BUNDLE");
    }
    if (found) continue;
    const auto transport = peer_transport(answer_, answer_.media[i]);
    if (auto wrong = check_transport(transport); !wrong.empty()) {
      reason = std::move(wrong);
      continue;
    }
    found = true;
    agreed.remote_ice = transport.ice;
    agreed.fingerprints = transport.fingerprints;
    if (!state_.established) {   // later the role stays, whatever is said
      agreed.dtls_role = transport.setup == Setup::kPassive ? DtlsRole::kClient : DtlsRole::kServer;
    }
    agreed.candidates.clear();
    read_candidates(answer_.media[i], agreed.candidates);
  }
  if (!found) return base::fail(base::ErrorCode::kUnsupported, std::move(reason));
  if (!state_.established) agreed.bundle = !bundled.empty();
  return {};
}

void AnswerReader::learn_video() {
  for (const auto& s : state_.agreed.sections) {
    if (!s.active || s.role != Role::kOwnVideo || !receives(s.peer_wish)) continue;
    state_.decodable = s.codecs;
    state_.decodable_known = true;
    return;
  }
}

}  // namespace

base::Status process_answer(const LocalConfig& config, const Description& answer, SessionState& state) {
  return AnswerReader(config, answer, state).run();
}

}  // namespace sdp
