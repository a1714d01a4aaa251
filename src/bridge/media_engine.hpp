// What signalling asks of the media threads, and what they tell it. Ids and values only: nothing is shared.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "sdp/negotiation.hpp"

namespace bridge {

using LegId = base::Id<struct LegTag>;
using BridgeId = base::Id<struct BridgeTag>;
using SourceId = base::Id<struct SourceTag>;

// What a leg's SDP says of our end.
struct WebRtcEndpoint {
  std::string ufrag, pwd;                    // this leg's own
  std::string fingerprint_hash;              // "sha-256"
  std::string fingerprint;                   // "AB:CD:..."
  std::vector<std::string> candidates;       // values of a=candidate, without "candidate:"
  base::SocketAddress address;               // of the default candidate, for the m-line
};
struct RtpEndpoint {
  base::SocketAddress rtp;                   // the address to be advertised
  std::uint16_t rtcp_port = 0;
};

struct MixOptions {
  std::uint32_t interval_ms = 20;            // 10, 20, 40
  std::uint32_t silence_threshold_ms = 2500;
  std::uint32_t talking_threshold = 160;     // mean absolute amplitude of 16 bits
};

// The result of one offer/answer exchange, and which of the peer's sections are which video source.
struct LegMedia {
  sdp::Negotiated negotiated;
  std::vector<std::pair<std::size_t, SourceId>> publishes;   // index of the section, source
  std::vector<std::pair<std::size_t, SourceId>> shows;       // what else than slots is sent where: the peer's own video section in a call of two
};

// What can be played to a leg.
struct Sound {
  enum class Kind { kRingback, kTone, kMusic, kFile };
  Kind kind = Kind::kRingback;
  std::uint32_t hertz = 440;                 // of kTone
  std::string file;                          // of kFile, and of kMusic where another than the built-in one is wanted: WAV, Ogg Opus, FLAC ...
  bool loop = true;                          // of kFile
  std::chrono::milliseconds length{0};       // 0: until it is stopped, or the file's end
};

// Called on the shard's thread.
class MediaEvents {
 public:
  virtual ~MediaEvents() = default;
  /// called when the leg can send and receive (DTLS done and the fingerprint right; a plain leg's first packet)
  virtual void on_media_connected(LegId leg) = 0;
  /// called when DTLS failed for good (wrong fingerprint, no common profile)
  virtual void on_media_failed(LegId leg, std::string_view reason) = 0;
  /// called when a WebRTC leg that had been connected gave no sign of life for the liveness time (12 s)
  virtual void on_media_lost(LegId leg) = 0;
  virtual void on_talking(LegId leg, bool talking) = 0;
  virtual void on_dtmf(LegId leg, char digit) = 0;
  /// called when a sound ended by itself, or could not be played (no such file)
  virtual void on_sound_ended(LegId leg, bool played) = 0;
};

// Thread: the shard's. Every call returns at once; what it causes happens on the media thread in the order of the calls.
class MediaEngine {
 public:
  virtual ~MediaEngine() = default;

  // A bridge lives on one media thread (the least busy), and so do its legs.
  virtual BridgeId create_bridge(const MixOptions& options) = 0;
  virtual void remove_bridge(BridgeId bridge) = 0;               // its legs are removed before

  virtual base::Result<WebRtcEndpoint> create_webrtc_leg(LegId leg, BridgeId bridge) = 0;
  // `peer`: whom the address is to be reachable for.
  virtual base::Result<RtpEndpoint> create_rtp_leg(LegId leg, BridgeId bridge, const base::SocketAddress& peer) = 0;
  // New ICE credentials; the old ones hold until the peer uses the new (RFC 8445 section 9).
  virtual std::pair<std::string, std::string> restart_ice(LegId leg) = 0;

  virtual void configure(LegId leg, const LegMedia& media) = 0;
  virtual void join(LegId leg) = 0;                              // heard and seen, and hears and sees, from now on
  virtual void set_muted(LegId leg, bool muted) = 0;             // not mixed; its video is not forwarded by this
  virtual void remove_leg(LegId leg) = 0;

  // To another bridge, of whatever thread: its transport, keys and ports stay as they are, its peer notices nothing. It is heard
  // and seen there after join(); what it is shown is configured anew.
  virtual void move_leg(LegId leg, BridgeId to) = 0;

  // A sound for this leg alone, beside what it hears of the others; one at a time, another replaces it. The leg need not have joined:
  // from its first answer on it hears it (a browser once its keys are agreed), and the sound begins then.
  virtual void play(LegId leg, const Sound& sound) = 0;
  virtual void stop_sound(LegId leg) = 0;
  // The leg hears itself (echo test), and sees itself in video sections that go both ways and show nobody else.
  virtual void set_echo(LegId leg, bool echo) = 0;
  // Digits (0-9 * # A-D) to the peer, one after the other: telephone events (RFC 4733) where agreed, else as tones. At most 64 wait.
  // Digits that a leg sends are told (on_dtmf) and reach no other leg by themselves.
  virtual void send_dtmf(LegId leg, std::string_view digits) = 0;
};

}  // namespace bridge
