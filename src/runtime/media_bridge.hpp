// One bridge on its media thread: the mixer of its legs' audio, and which leg is shown which video.
#pragma once

#include <vector>

#include "bridge/media_engine.hpp"
#include "media/audio_mixer.hpp"
#include "runtime/media_leg.hpp"

namespace runtime {

class MediaBridgeHost {
 public:
  virtual ~MediaBridgeHost() = default;
  virtual void on_talking(bridge::LegId leg, bool talking) = 0;
  virtual void on_digit(bridge::LegId leg, char digit) = 0;
  virtual void on_sound_ended(bridge::LegId /*leg*/, std::uint64_t /*serial*/) {}
  /// run() is due earlier than it said
  virtual void mix_soon() {}
};

// Thread: its media thread's.
class MediaBridge final : public media::AudioMixerSink {
 public:
  MediaBridge(const bridge::MixOptions& options, MediaBridgeHost& host);

  media::AudioMixer& mixer() { return mixer_; }
  void add(MediaLeg& leg);
  void remove(MediaLeg& leg);
  const std::vector<MediaLeg*>& legs() const { return legs_; }

  // Joins every watcher with its source, after a leg's configuration changed or one came or went.
  void rewire(base::TimePoint now);
  // Mixes what is due; the time of the next mix.
  base::TimePoint run(base::TimePoint now) { return now < due_ ? due_ : due_ = work(now); }
  void wake() {                                  // somebody came, or wants something else
    due_ = {};
    host_.mix_soon();
  }

  // Two joined legs of one codec, with nothing else to be heard, are relayed: neither decoded nor mixed. run() begins and ends it;
  // who changes what it depends on ends it at once.
  bool relaying() const { return relaying_; }
  void stop_relay();
  void refuse_relay(base::TimePoint now);        // and not again for a while

  // media::AudioMixerSink
  void on_audio(media::ParticipantId to, const media::EncodedAudio& audio) override;
  void on_talking(media::ParticipantId id, bool talking) override;
  void on_digit(media::ParticipantId id, char digit) override;
  void on_sound_ended(media::ParticipantId id) override;

 private:
  base::TimePoint work(base::TimePoint now);
  void review(base::TimePoint now);

  MediaBridgeHost& host_;
  media::AudioMixer mixer_;
  std::vector<MediaLeg*> legs_;
  std::unordered_map<media::ParticipantId, MediaLeg*> by_id_;
  base::TimePoint now_{}, due_{}, relay_refused_until_{};
  bool relaying_ = false;
};

}  // namespace runtime
