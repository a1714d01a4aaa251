// Offer and answer for one leg, the server's end (RFC 3264, RFC 8829, RFC 8843), as a state machine apart from the
// text. It knows nothing of SIP: who carries the bodies, and when an offer is due, is the caller's affair.
//
// An answer or offer is built on a copy of what is agreed, which replaces it when the exchange is complete; so a refused
// offer, a glare or a malformed answer leaves everything as it was (RFC 3264 section 8). Not shared between threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sdp/negotiated.hpp"

namespace sdp {

enum class VideoMode : std::uint8_t {
  kNone,         // video m-lines are rejected
  kForwarding,   // a room: the peer's own video is received, other sources come in slots
  kTwoWay,       // a call of two: the peer's own m-line carries video both ways
};

// SRTP with keys in the SDP (RFC 4568), for plain legs. An offer of RTP/SAVP is always met with SRTP or refused.
enum class SdesPolicy : std::uint8_t {
  kAccept,       // we offer RTP/AVP
  kOffer,        // we offer RTP/SAVP; of a bridge's legs those alone whose signalling is encrypted
};

struct LocalConfig {
  std::string session_name = "Parley";
  // WebRTC. `webrtc_port` is that of the default candidate; candidates as in "a=candidate:" without that name.
  std::string webrtc_address = "127.0.0.1";
  std::uint16_t webrtc_port = 9;
  IceCredentials ice;
  std::vector<std::string> candidates;
  std::vector<Fingerprint> fingerprints;
  // Plain RTP. rtcp_port 0: the next one.
  std::string plain_address = "127.0.0.1";
  std::uint16_t rtp_port = 0;
  std::uint16_t rtcp_port = 0;
  bool plain_rtcp_mux = true;
  SdesPolicy sdes = SdesPolicy::kAccept;

  // In order of preference; the answer takes the first that is offered.
  std::vector<std::string> webrtc_audio = {"opus", "G722", "PCMU", "PCMA"};
  std::vector<std::string> plain_audio = {"opus", "G722", "PCMU", "PCMA"};
  std::vector<std::string> video_codecs = {"VP8", "VP9", "H264", "AV1"};
  VideoMode video = VideoMode::kForwarding;
  std::size_t max_published = 4;    // video m-lines of the peer's own
  std::size_t max_slots = 200;

  std::function<std::uint32_t()> random_u32;         // for SSRCs; the system's generator when empty
  std::function<IceCredentials()> restart_ice;       // new local ones, when the peer restarts ICE
};

// One video that others send and that this peer should see.
struct RemoteSource {
  std::uint64_t source_id = 0;
  std::string label;        // the sender's participant id
  std::string stream_id;    // msid; a new one is drawn for each use of a slot where these are empty
  std::string track_id;
  std::string codec;        // "VP8"
  std::string fmtp;
  std::string content;      // "main" or "slides"
  bool operator==(const RemoteSource&) const = default;
};

struct Undelivered {
  std::uint64_t source_id = 0;
  std::string reason;
};
struct Rejection {
  std::size_t index = 0;    // of the m-line
  std::string media;
  std::string reason;
};

enum class SignalingState : std::uint8_t { kStable, kHaveLocalOffer };

struct SessionState;

class Negotiator {
 public:
  explicit Negotiator(LocalConfig config);
  ~Negotiator();
  Negotiator(Negotiator&&) noexcept;
  Negotiator& operator=(Negotiator&&) noexcept;

  // The peer offers. The answer is final at once: from here on current() is what both have agreed on.
  // kConflict while our offer is out (491), kMalformed, kTooLarge; kUnsupported when no m-line can be met: the detail
  // says for each m-line why, fit for a Warning (488).
  base::Result<std::string> answer(std::string_view offer);

  // We offer: first (a call that we make, or an INVITE without an offer) ...
  base::Result<std::string> create_initial_offer(TransportKind kind, bool video);
  // ... or again, with what set_remote_sources asks for. Nothing changed: the same text with the same version, which
  // serves a session refresh. kConflict when an offer is out already or nothing is agreed yet.
  base::Result<std::string> create_offer();
  // The answer to our offer. On an error our offer is still out: rollback() or end the call.
  // `early`: of a provisional response. It holds for now, and our offer stays out: the next answer, which may be another's, takes
  // its place.
  base::Status apply_answer(std::string_view answer, bool early = false);
  // Our offer was refused (491, 488, a timeout): back to what was agreed.
  void rollback();

  // All the videos that this peer should see, in order. Takes effect by the next offer.
  void set_remote_sources(std::vector<RemoteSource> sources);
  // kTwoWay: the video that the peer is to see in its own section. It is offered one where it has none, until it refuses that; such a
  // section is of no direction of ours while there is nothing to see. Takes effect by the next offer.
  void set_shown_video(std::optional<RemoteSource> source);
  // The offer that is out, which opens such a section, was refused as a whole (488): it is not made again.
  void rollback_refused();
  // Another kind of bridge than before: a call of two, a room. What is agreed stays till the next offer or answer.
  void set_video_mode(VideoMode mode);
  // What we want of audio (hold by us: kSendOnly or kInactive). Takes effect by the next offer or answer.
  void set_audio_direction(Direction direction);
  // True when what is wanted differs from what is agreed and an offer may be made now.
  bool needs_offer() const;

  SignalingState state() const { return state_; }
  bool established() const;             // one exchange is complete
  const Negotiated& current() const;
  const std::vector<Undelivered>& undelivered() const { return undelivered_; }
  // The m-lines of the peer's last offer that were refused, and why.
  const std::vector<Rejection>& rejections() const { return rejections_; }

 private:
  std::string finish(Description description);
  void update_undelivered();

  LocalConfig config_;
  std::unique_ptr<SessionState> agreed_;
  std::unique_ptr<SessionState> pending_;   // while our offer is out
  SignalingState state_ = SignalingState::kStable;
  std::vector<RemoteSource> sources_;
  std::vector<Undelivered> undelivered_;
  std::vector<Rejection> rejections_;
  std::string session_id_;
  std::uint64_t version_ = 1;
  std::string last_text_;
};

}  // namespace sdp
