// What a Negotiator copies for each exchange, and the steps of an exchange as functions on it. Internal to this folder.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sdp/negotiation.hpp"

namespace sdp {

struct SessionState {
  Negotiated agreed;
  bool established = false;
  Direction audio = Direction::kSendRecv;   // what we want
  struct Format {
    std::string codec, fmtp;
  };
  std::optional<Format> shown;              // in a call of two: the other's video, which this peer should see in its own section
  bool video_refused = false;               // the peer has turned its video m-line down, and offered none since
  std::vector<Crypto> offered_cryptos;      // of our offer that is out, with our keys; none: it is for plain RTP
  // What the peer has told us of itself in its offers.
  bool decodable_known = false;
  std::vector<Codec> decodable;
  std::bitset<128> payload_types;                       // used by anybody in the BUNDLE group
  std::map<std::string, std::uint8_t> extension_ids;    // one URI, one id in the whole group (RFC 8285 section 6)
  // Ours.
  std::vector<Codec> own_video;                         // codecs that we gave numbers to
  std::unordered_set<std::uint64_t> refused;            // sources that the peer answered with port 0
  std::uint32_t next_mid = 0;
  std::string stream_id;                                // msid of the leg's own sections
};

using SourceMap = std::unordered_map<std::uint64_t, const RemoteSource*>;

// transport.cpp
struct PeerTransport {
  IceCredentials ice;
  std::vector<Fingerprint> fingerprints;
  Setup setup = Setup::kActpass;
};
// RTP/SAVPF is either, by its keys: DTLS has a fingerprint, SDES has none.
bool webrtc_protocol(const Description& description, const Media& media);
bool plain_protocol(const Description& description, const Media& media);
bool sdes_protocol(std::string_view protocol);   // of a plain m-line: SRTP
// The ICE and DTLS parameters that hold for the m-line, from it or from the session; empty parts where missing.
PeerTransport peer_transport(const Description& description, const Media& media);
// Empty when they can be used, else what is wrong.
std::string check_transport(const PeerTransport& transport);
void read_candidates(const Media& media, std::vector<base::SocketAddress>& out);
const Connection* connection_of(const Description& description, const Media& media);
// Where the peer wants plain RTP. False when there is no usable literal.
bool read_plain_addresses(const Description& description, const Media& media, bool allow_mux, Negotiated& out);
void read_remote_streams(const Media& media, Section& out);
const Group* bundle_group(const Description& description);

// sections.cpp
MediaKind kind_of(std::string_view media);
// Neither 0, nor used in the session, nor `other`.
std::uint32_t fresh_ssrc(const LocalConfig& config, const SessionState& state, std::uint32_t other = 0);
std::string fresh_mid(SessionState& state);
std::optional<std::uint8_t> allocate_payload_type(SessionState& state);
std::optional<std::uint8_t> extension_id(SessionState& state, std::string_view uri);
std::span<const std::string_view> wanted_extensions(MediaKind kind);
bool take_slot_source(SessionState& state, const RemoteSource& source, Section& out);   // codecs of the slot
void name_slot(const RemoteSource& source, Section& out);                               // label and content
void settle_publishers(Negotiated& agreed);
// What we want of the peer's own video section: kRecvOnly in a room, both ways in a call of two.
Direction wanted_of_own_video(const LocalConfig& config, const SessionState& state, const Section& section);
// What our offer says of a section's direction.
Direction offer_direction(const LocalConfig& config, const SessionState& state, const Section& section);

// compose.cpp: the text's model of what the state says; o= is left to the caller.
enum class Purpose : std::uint8_t { kOffer, kAnswer };
Description compose(const LocalConfig& config, const SessionState& state, Purpose purpose);

// answer.cpp: the peer offers.
base::Status process_offer(const LocalConfig& config, const Description& offer, const SourceMap& sources,
                           SessionState& state, std::vector<Rejection>& rejections);

// offer.cpp: we offer.
base::Status plan_initial_offer(const LocalConfig& config, TransportKind kind, bool video, SessionState& state);
// False when nothing changes.
bool plan_offer(const LocalConfig& config, const std::vector<RemoteSource>& sources, SessionState& state,
                std::vector<Undelivered>& undelivered);
base::Status process_answer(const LocalConfig& config, const Description& answer, SessionState& state);

}  // namespace sdp
