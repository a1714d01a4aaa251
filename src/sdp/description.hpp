// A session description (RFC 8866) as values: what browsers and phones send, typed where Parley uses it, everything
// else kept as text in its order.
//
// parse() is tolerant as RFC 8866 section 5 and RFC 8829 section 5.8 want a receiver to be: LF alone, no final line
// end, unknown lines and attributes, duplicates (the first counts). A typed attribute whose value is not what its
// grammar says stays among `other` as text. What can't be overlooked (no v=, a bad m= line) is kMalformed, and what is
// over the limits below kTooLarge. Linear in the size of the text. Any thread; nothing is shared.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sdp {

inline constexpr std::size_t kMaxBytes = 256 * 1024;
inline constexpr std::size_t kMaxLines = 10'000;
inline constexpr std::size_t kMaxMedia = 256;
inline constexpr std::size_t kMaxFormats = 256;   // of one m-line

// RFC 8866 section 6.7. Two bits, so that directions can be intersected.
enum class Direction : std::uint8_t { kInactive = 0, kSendOnly = 1, kRecvOnly = 2, kSendRecv = 3 };

constexpr Direction operator&(Direction a, Direction b) {
  return static_cast<Direction>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
constexpr Direction operator|(Direction a, Direction b) {
  return static_cast<Direction>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool sends(Direction d) { return (d & Direction::kSendOnly) != Direction::kInactive; }
constexpr bool receives(Direction d) { return (d & Direction::kRecvOnly) != Direction::kInactive; }
// The same thing seen by the other end.
constexpr Direction reversed(Direction d) {
  return (sends(d) ? Direction::kRecvOnly : Direction::kInactive) |
         (receives(d) ? Direction::kSendOnly : Direction::kInactive);
}
std::string_view to_string(Direction d);

// RFC 4145, for DTLS by RFC 8842.
enum class Setup : std::uint8_t { kActive, kPassive, kActpass, kHoldconn };

struct Line {   // "i=...", "t=..."
  char type = 0;
  std::string value;
  bool operator==(const Line&) const = default;
};
struct Attribute {   // "a=name" or "a=name:value"
  std::string name;
  std::optional<std::string> value;
  bool operator==(const Attribute&) const = default;
};
struct Origin {
  std::string username = "-";
  std::string session_id = "0";   // digits, of any length
  std::uint64_t version = 0;
  std::string net_type = "IN";
  std::string address_type = "IP4";
  std::string address = "127.0.0.1";
  bool operator==(const Origin&) const = default;
};
struct Connection {
  std::string net_type = "IN";
  std::string address_type = "IP4";
  std::string address;
  bool operator==(const Connection&) const = default;
};
struct Bandwidth {
  std::string type;
  std::uint64_t value = 0;
  bool operator==(const Bandwidth&) const = default;
};
struct Group {   // RFC 5888
  std::string semantics;
  std::vector<std::string> mids;
  bool operator==(const Group&) const = default;
};
struct Fingerprint {   // RFC 8122
  std::string hash;    // lower case, "sha-256"
  std::string value;   // upper case, "AB:CD:..."
  bool operator==(const Fingerprint&) const = default;
};
struct Extmap {   // RFC 8285
  std::uint16_t id = 0;
  std::optional<Direction> direction;
  std::string uri;
  std::string attributes;
  bool operator==(const Extmap&) const = default;
};
struct Msid {   // RFC 8830
  std::string stream;
  std::string track;
  bool operator==(const Msid&) const = default;
};
struct Rtcp {   // RFC 3605
  std::uint16_t port = 0;
  std::optional<Connection> connection;
  bool operator==(const Rtcp&) const = default;
};
struct Rtpmap {
  std::uint8_t payload_type = 0;
  std::string name;
  std::uint32_t clock_rate = 0;
  std::uint8_t channels = 1;
  bool operator==(const Rtpmap&) const = default;
};
struct Fmtp {
  std::uint8_t payload_type = 0;
  std::string parameters;
  bool operator==(const Fmtp&) const = default;
};
struct RtcpFeedback {   // RFC 4585
  std::optional<std::uint8_t> payload_type;   // empty: "*", all of them
  std::string value;                          // "nack pli"
  bool operator==(const RtcpFeedback&) const = default;
};
struct Rid {   // RFC 8851
  std::string id;
  bool send = true;
  std::string parameters;
  bool operator==(const Rid&) const = default;
};
struct Ssrc {   // RFC 5576
  std::uint32_t ssrc = 0;
  Attribute attribute;
  bool operator==(const Ssrc&) const = default;
};
struct SsrcGroup {
  std::string semantics;
  std::vector<std::uint32_t> ssrcs;
  bool operator==(const SsrcGroup&) const = default;
};
// RFC 8839 section 5.1. The address may be a name ("....local"), which stays text.
struct Candidate {
  std::string foundation;
  std::uint16_t component = 1;
  std::string transport;   // lower case
  std::uint32_t priority = 0;
  std::string address;
  std::uint16_t port = 0;
  std::string type;
  std::string related_address;
  std::optional<std::uint16_t> related_port;
  std::string tcp_type;
  std::string extensions;   // the rest, as text
  bool operator==(const Candidate&) const = default;
};

// What may stand for the session or for one m-line.
struct Attributes {
  std::vector<Bandwidth> bandwidths;
  std::string ice_ufrag;   // empty: not there; likewise the other strings
  std::string ice_pwd;
  std::string ice_options;
  std::vector<Fingerprint> fingerprints;
  std::optional<Setup> setup;
  std::string tls_id;
  std::optional<Direction> direction;
  bool extmap_allow_mixed = false;
  std::vector<Extmap> extmaps;
  std::vector<Attribute> other;
  bool operator==(const Attributes&) const = default;
};

struct Media : Attributes {
  std::string media;   // "audio"
  std::uint16_t port = 0;
  std::optional<std::uint16_t> port_count;
  std::string protocol;
  std::vector<std::string> formats;
  std::vector<Line> lines;   // i= and k=
  std::vector<Connection> connections;
  std::string mid;
  std::vector<Msid> msids;
  std::string label;
  std::string content;
  bool bundle_only = false;
  bool rtcp_mux = false;
  bool rtcp_rsize = false;
  std::optional<Rtcp> rtcp;
  std::vector<Rtpmap> rtpmaps;
  std::vector<Fmtp> fmtps;
  std::vector<RtcpFeedback> feedback;
  std::vector<Rid> rids;
  std::string simulcast;
  std::vector<SsrcGroup> ssrc_groups;
  std::vector<Ssrc> ssrcs;
  std::vector<Candidate> candidates;
  bool end_of_candidates = false;
  std::optional<std::uint32_t> ptime;      // milliseconds
  std::optional<std::uint32_t> maxptime;   // milliseconds
  std::vector<std::string> cryptos;        // RFC 4568, as text: see sdes.hpp
  bool operator==(const Media&) const = default;
};

struct Description : Attributes {
  Origin origin;
  std::string session_name = "-";
  std::vector<Line> lines;                       // i=, u=, e=, p=
  std::optional<Connection> connection;
  std::vector<Line> times = {{'t', "0 0"}};      // t=, r=, z=, k=
  bool ice_lite = false;
  std::vector<Group> groups;
  std::vector<Media> media;
  bool operator==(const Description&) const = default;
};

base::Result<Description> parse(std::string_view text);

// Control characters in values are left out, so that no value makes a line of its own.
std::string write(const Description& description);

}  // namespace sdp
