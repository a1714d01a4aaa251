#include "runtime/media_bridge.hpp"

namespace runtime {
namespace {

media::MixerOptions mixer_options(const bridge::MixOptions& options) {
  media::MixerOptions result;
  result.interval = std::chrono::milliseconds(options.interval_ms);
  result.talk.silence_threshold = std::chrono::milliseconds(options.silence_threshold_ms);
  const double amplitude = std::max(1u, options.talking_threshold);
  result.talk.talking_threshold = media::level_of(amplitude * amplitude);
  return result;
}

}  // namespace

MediaBridge::MediaBridge(const bridge::MixOptions& options, MediaBridgeHost& host) : host_(host), mixer_(mixer_options(options), *this) {}

void MediaBridge::remove(MediaLeg& leg) {
  std::erase(legs_, &leg);
  by_id_.erase(leg.id().value);
}

void MediaBridge::rewire(base::TimePoint now) {
  struct Place {
    MediaLeg* leg;
    MediaLeg::Published* published;
  };
  // Of two legs with one source (a resumed participant) the later is the one that goes on.
  std::unordered_map<std::uint64_t, Place> sources;
  by_id_.clear();
  for (auto* leg : legs_) {
    by_id_.emplace(leg->id().value, leg);
    if (!leg->joined()) continue;
    for (auto& published : leg->published()) sources.insert_or_assign(published.id, Place{leg, &published});
  }
  for (auto* leg : legs_) {
    if (!leg->joined()) continue;
    for (auto& shown : leg->shown()) {
      const auto found = sources.find(shown.source_id);
      auto* source = found == sources.end() ? nullptr : found->second.published->source.get();
      if (shown.watcher->source() == source) continue;
      if (source) {
        source->add_watcher(*shown.watcher, leg->map_formats(*found->second.leg, *found->second.published, shown), now);
      } else {
        shown.watcher->source()->remove_watcher(*shown.watcher);
      }
    }
  }
}

base::TimePoint MediaBridge::run(base::TimePoint now) {
  now_ = now;
  return mixer_.run(now);
}

void MediaBridge::on_audio(media::ParticipantId to, const media::EncodedAudio& audio) {
  if (const auto found = by_id_.find(to); found != by_id_.end()) found->second->send_audio(audio, now_);
}

void MediaBridge::on_talking(media::ParticipantId id, bool talking) { host_.on_talking({id}, talking); }

void MediaBridge::on_digit(media::ParticipantId id, char digit) { host_.on_digit({id}, digit); }

}  // namespace runtime
