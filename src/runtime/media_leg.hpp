// One leg on its media thread: its transport, its audio, the videos that it publishes and those that it is shown.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bridge/media_engine.hpp"
#include "media/audio_mixer.hpp"
#include "media/forwarder_leg.hpp"
#include "media/forwarder_source.hpp"
#include "media/symmetric_rtp.hpp"
#include "net/udp_socket.hpp"
#include "rtp/statistics.hpp"
#include "runtime/media_output.hpp"
#include "runtime/sdes_srtp.hpp"
#include "webrtc/transport.hpp"

namespace runtime {

class MediaBridge;
class MediaLeg;

rtp::ExtensionIds extension_ids(const sdp::Section& section);

// How a WebRTC leg's packets go out: always by the port that its peer speaks to, whatever thread the leg lives on.
class MediaWay {
 public:
  virtual ~MediaWay() = default;
  virtual MediaOutput& output() = 0;
  /// sends to an ICE-TCP connection where `to` is one; false: it is none
  virtual bool send_tcp(const base::SocketAddress& to, base::ByteView packet) = 0;
};

// What a leg asks of its thread.
class MediaLegHost : public MediaWay {
 public:
  virtual media::ForwardSink& forward_sink() = 0;
  virtual void on_leg_connected(MediaLeg& leg) = 0;
  virtual void on_leg_failed(MediaLeg& leg, std::string_view reason) = 0;
  /// some source's keyframe was asked for: feedback is to go out at once
  virtual void poll_soon() = 0;
};

// Thread: its media thread's. No allocation per packet.
class MediaLeg final : public webrtc::TransportSink {
 public:
  struct Plain {
    net::UdpSocket rtp, rtcp;
  };
  MediaLeg(bridge::LegId id, MediaBridge& bridge, MediaLegHost& host, webrtc::TransportConfig transport);
  MediaLeg(bridge::LegId id, MediaBridge& bridge, MediaLegHost& host, Plain plain);
  ~MediaLeg() override;

  bridge::LegId id() const { return id_; }
  MediaBridge* bridge() { return bridge_; }            // null: between two
  // Out of its bridge, whatever it was in there; its transport and numbering stay. Then into another, of any thread.
  void leave();
  void enter(MediaBridge& bridge, MediaLegHost& host, MediaWay& way);
  bool is_webrtc() const { return transport_ != nullptr; }
  webrtc::Transport& transport() { return *transport_; }
  const Plain& plain() const { return plain_; }
  const SdesSrtp* sdes() const { return sdes_.get(); }

  void configure(const bridge::LegMedia& media, base::TimePoint now);
  void restart_ice(webrtc::IceCredentials local) { transport_->restart_ice(std::move(local)); }
  void join(base::TimePoint now);
  bool joined() const { return joined_; }
  bool in_mixer() const { return in_mixer_; }
  void set_muted(bool muted);

  // Sounds for this leg alone, joined or not. `serial` is told with the sound's end.
  void play(media::SoundSpec spec, std::uint64_t serial);
  void stop_sound();
  void set_echo(bool echo);
  void send_dtmf(std::string_view digits);
  std::uint64_t sound_serial() const { return sound_serial_; }

  // Whether what this leg sends could go to `other` as it comes: it has come within `patience`, and nobody wants more than that.
  bool may_relay_to(const MediaLeg& other, base::TimePoint now, base::Duration patience) const;
  void set_partner(MediaLeg* partner);             // whom it goes to; null: to the mixer

  // A plain leg's datagrams; a WebRTC leg's go to transport().on_datagram().
  void on_plain_rtp(base::MutableByteView datagram, const base::SocketAddress& from, base::TimePoint now);
  void on_plain_rtcp(base::MutableByteView datagram, const base::SocketAddress& from, base::TimePoint now);

  // Video: what this leg publishes and what it wants, for the bridge to join.
  struct Published {
    std::uint64_t id;
    std::size_t section;
    std::unique_ptr<media::VideoSource> source;
  };
  struct Shown {
    std::uint64_t source_id;
    std::size_t section;
    std::unique_ptr<media::VideoWatcher> watcher;
  };
  std::vector<Published>& published() { return published_; }
  std::vector<Shown>& shown() { return shown_; }
  // Payload types of `source` (of another leg) as they are called in this leg's section.
  std::vector<media::FormatMap> map_formats(const MediaLeg& publisher, const Published& source, const Shown& shown) const;

  void send_video(base::ByteView header, base::ByteView payload);
  void send_audio(const media::EncodedAudio& audio, base::TimePoint now);
  void poll_feedback(base::TimePoint now, base::WallTime wall);
  // True once, when a leg that was connected has been silent for `limit`.
  bool check_lost(base::TimePoint now, base::Duration limit);
  void close(base::TimePoint now);

  // webrtc::TransportSink
  void send(const base::SocketAddress& to, base::ByteView datagram) override;
  void on_rtp(base::MutableByteView packet, base::TimePoint now) override;
  void on_rtcp(base::MutableByteView compound, base::TimePoint now) override;
  void on_connected(std::string_view srtp_profile) override;
  void on_failed(std::string_view reason) override;

 private:
  static constexpr std::size_t kMaxSsrcs = 64;
  struct Stream {                       // what an incoming SSRC is
    bool audio = false;
    media::VideoSource* video = nullptr;
  };

  void configure_audio(const sdp::Section& section);
  void update_mixer();
  media::PrivateSound& sounds();
  void configure_published(const bridge::LegMedia& media);
  void configure_shown();
  void make_rtcp(const sdp::Negotiated& negotiated);
  Stream* stream_of(const rtp::PacketView& packet);
  Stream find_stream(const rtp::PacketView& packet) const;
  void push_audio(const rtp::PacketView& packet, base::TimePoint now);
  bool relay(const media::AudioPacket& packet, base::TimePoint now);
  void send_relayed(const media::AudioPacket& packet, base::TimePoint now);
  void pass_over(const media::AudioPacket& packet);
  std::uint32_t next_timestamp(base::TimePoint now) const;
  bool transmit(const rtp::HeaderFields& fields, base::ByteView payload, std::optional<std::uint8_t> level, bool voice);
  void write_rtcp(base::MutableByteView buffer, std::size_t size);
  void configure_plain(base::TimePoint now);

  const bridge::LegId id_;
  MediaBridge* bridge_;
  MediaLegHost* host_;
  MediaWay* way_;
  std::unique_ptr<webrtc::Transport> transport_;   // null: plain RTP
  Plain plain_;
  media::SymmetricRtp symmetric_;
  std::optional<base::SocketAddress> rtcp_to_;
  bool rtcp_mux_ = false;
  std::unique_ptr<SdesSrtp> sdes_;                 // a plain leg under SRTP

  sdp::Negotiated negotiated_;
  media::TransportSequence transport_sequence_;
  std::unique_ptr<media::LegRtcp> rtcp_;
  std::unordered_map<rtp::Ssrc, Stream> streams_;
  std::uint8_t mid_extension_ = 0;

  struct Audio {
    bool active = false;
    std::string mid;
    std::uint32_t ssrc = 0, timestamp_offset = 0, clock_rate = 48000;
    std::uint16_t sequence = 0;
    std::uint8_t level_extension = 0, mid_extension = 0;
    std::vector<std::uint8_t> payload_types;
    media::ParticipantAudio participant;         // as negotiated
    base::TimePoint last_received{}, second{};
    unsigned in_second = 0;                      // packets since `second`
    unsigned withheld = 0;                       // packets of silence in a row
    bool rebase = false;                         // another mixer's clock: the next timestamp goes on from the last
    std::uint32_t last_timestamp = 0;            // as sent
    base::TimePoint last_sent{};
    std::unique_ptr<rtp::SendStatistics> sent;
    std::unique_ptr<rtp::ReceiveStatistics> received;
  } audio_;
  struct Relayed {                               // what goes to this leg as it came from its partner
    bool begun = false;
    std::uint32_t ssrc = 0;                      // its sender's
    std::uint16_t newest = 0, floor = 0;         // its numbers; none below `floor` may come any more
    std::uint16_t sequence_offset = 0;
    std::uint32_t timestamp_offset = 0;
  } relayed_;
  MediaLeg* partner_ = nullptr;
  std::unique_ptr<media::PrivateSound> sounds_;  // from the first sound on; a mixer may know it
  std::uint64_t sound_serial_ = 0;
  std::vector<std::pair<std::size_t, bridge::SourceId>> shows_;
  std::vector<Published> published_;
  std::vector<Shown> shown_;
  bool joined_ = false, muted_ = false, in_mixer_ = false, connected_ = false, lost_told_ = false;
};

}  // namespace runtime
