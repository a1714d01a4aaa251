// What an exchange of offer and answer has agreed on: values, with nothing of SDP's text left, from which a media
// worker is configured. Directions and roles are seen from Parley's side.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "sdp/codec.hpp"
#include "sdp/description.hpp"
#include "sdp/sdes.hpp"

namespace sdp {

enum class TransportKind : std::uint8_t { kPlain, kWebrtc };
enum class MediaKind : std::uint8_t { kAudio, kVideo, kOther };
enum class DtlsRole : std::uint8_t { kServer, kClient };

enum class Role : std::uint8_t {
  kNone,        // port 0: rejected, removed, or free to be used again
  kOwnAudio,    // the peer's audio, and the mix for it
  kOwnVideo,    // the peer's camera
  kOwnScreen,   // the peer's second video, or one with content:slides
  kSlot,        // the source `source_id`, forwarded to the peer
};
enum class Publishes : std::uint8_t { kNothing, kCamera, kScreen };

struct IceCredentials {
  std::string ufrag;
  std::string pwd;
  bool operator==(const IceCredentials&) const = default;
};

struct Extension {
  std::uint8_t id = 0;   // 1 to 14: fits the one-byte form of RFC 8285
  std::string uri;
  bool operator==(const Extension&) const = default;
};
inline constexpr std::string_view kMidExtension = "urn:ietf:params:rtp-hdrext:sdes:mid";
inline constexpr std::string_view kAudioLevelExtension = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
inline constexpr std::string_view kTransportCcExtension =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
inline constexpr std::string_view kAbsSendTimeExtension = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
inline constexpr std::string_view kVideoOrientationExtension = "urn:3gpp:video-orientation";

struct RemoteSsrc {
  std::uint32_t ssrc = 0;
  std::optional<std::uint32_t> rtx_ssrc;   // from ssrc-group:FID
  bool operator==(const RemoteSsrc&) const = default;
};

struct Section {
  std::size_t index = 0;
  std::string mid;            // empty when the peer gives none
  MediaKind kind = MediaKind::kOther;
  Role role = Role::kNone;
  bool active = false;        // port is not 0
  Direction direction = Direction::kInactive;   // what we do
  Publishes publishes = Publishes::kNothing;    // what the peer sends here (a slot may carry its video too)

  std::vector<Codec> codecs;             // the first is the one to send; all may be received
  std::vector<Codec> telephone_events;   // the first fits the first codec's clock
  std::vector<Extension> extensions;
  bool rtcp_rsize = false;
  std::optional<std::uint32_t> ptime;    // milliseconds, as the peer wants to be sent

  std::vector<RemoteSsrc> remote_ssrcs;
  Msid remote_msid;
  std::string remote_content;

  std::uint32_t ssrc = 0;                // of what we send; 0 where we never do
  std::uint32_t rtx_ssrc = 0;
  Msid msid;
  std::uint64_t source_id = 0;           // of a slot
  std::string label;
  std::string content;

  // For the negotiation itself.
  std::string media;                     // as in the m-line
  std::string protocol;
  std::vector<std::string> formats;      // of a rejected m-line
  bool opened_for_peer = false;          // kOwnVideo in a call of two that we offered for the other's video: it sends while there is one
  Direction peer_wish = Direction::kSendRecv;   // the peer's own side, as far as we left it the choice
  Direction offered = Direction::kInactive;     // what we said in our last offer

  const Extension* extension(std::string_view uri) const {
    for (const auto& e : extensions) {
      if (e.uri == uri) return &e;
    }
    return nullptr;
  }
  bool operator==(const Section&) const = default;
};

struct Negotiated {
  TransportKind kind = TransportKind::kPlain;
  std::vector<Section> sections;   // by m-line index

  // WebRTC: one transport for all.
  IceCredentials local_ice;
  IceCredentials remote_ice;
  unsigned ice_generation = 0;             // one more for each ICE restart
  std::vector<Fingerprint> fingerprints;   // the peer's certificate must have one of these
  DtlsRole dtls_role = DtlsRole::kServer;  // ours
  std::vector<base::SocketAddress> candidates;   // the peer's: UDP, component 1, literals alone
  bool bundle = false;

  // Plain RTP.
  std::optional<base::SocketAddress> rtp;
  std::optional<base::SocketAddress> rtcp;
  bool rtcp_mux = false;
  std::optional<Sdes> sdes;                // there: nothing goes in or comes in but under these keys

  const Section* find(Role role) const {
    for (const auto& s : sections) {
      if (s.active && s.role == role) return &s;
    }
    return nullptr;
  }
  const Section* slot_of(std::uint64_t source_id) const {
    for (const auto& s : sections) {
      if (s.active && s.role == Role::kSlot && s.source_id == source_id) return &s;
    }
    return nullptr;
  }
  bool operator==(const Negotiated&) const = default;
};

}  // namespace sdp
