#include "runtime/media_bridge.hpp"

namespace runtime {
namespace {

// Of sound from both sides: that it flows, before it is relayed; and that it has ceased, so that silence is to be sent again.
constexpr base::Duration kFlows = std::chrono::milliseconds(200), kCeased = std::chrono::seconds(1);
constexpr base::Duration kRefused = std::chrono::seconds(10);
constexpr base::Duration kWatchInterval = std::chrono::milliseconds(100);
constexpr std::size_t kMostLegs = 8;   // of a bridge that could be of two who have joined

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

void MediaBridge::add(MediaLeg& leg) {
  legs_.push_back(&leg);
  by_id_.emplace(leg.id().value, &leg);
}

void MediaBridge::remove(MediaLeg& leg) {
  stop_relay();
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

base::TimePoint MediaBridge::work(base::TimePoint now) {
  now_ = now;
  review(now);
  if (!relaying_) return mixer_.run(now);
  mixer_.watch(now);
  return now + kWatchInterval;
}

void MediaBridge::review(base::TimePoint now) {
  MediaLeg* pair[2] = {};
  std::size_t joined = 0;
  for (std::size_t i = 0; i < legs_.size() && legs_.size() <= kMostLegs && joined <= 2; ++i) {
    if (!legs_[i]->joined()) {
      if (legs_[i]->in_mixer()) joined = 3;   // it hears something, so there is something to be mixed
    } else if (joined++ < 2) {
      pair[joined - 1] = legs_[i];
    }
  }
  const auto patience = relaying_ ? kCeased : kFlows;
  const bool relay = joined == 2 && now >= relay_refused_until_ && pair[0]->may_relay_to(*pair[1], now, patience) &&
                     pair[1]->may_relay_to(*pair[0], now, patience);
  if (relay == relaying_) return;
  if (!relay) return stop_relay();
  relaying_ = true;
  mixer_.rest();
  pair[0]->set_partner(pair[1]);
  pair[1]->set_partner(pair[0]);
}

void MediaBridge::stop_relay() {
  wake();
  if (!std::exchange(relaying_, false)) return;
  for (auto* leg : legs_) leg->set_partner(nullptr);
}

void MediaBridge::refuse_relay(base::TimePoint now) {
  stop_relay();
  relay_refused_until_ = now + kRefused;
}

void MediaBridge::on_audio(media::ParticipantId to, const media::EncodedAudio& audio) {
  if (const auto found = by_id_.find(to); found != by_id_.end()) found->second->send_audio(audio, now_);
}

void MediaBridge::on_talking(media::ParticipantId id, bool talking) { host_.on_talking({id}, talking); }

void MediaBridge::on_digit(media::ParticipantId id, char digit) { host_.on_digit({id}, digit); }

void MediaBridge::on_sound_ended(media::ParticipantId id) {
  if (const auto found = by_id_.find(id); found != by_id_.end()) host_.on_sound_ended({id}, found->second->sound_serial());
}

}  // namespace runtime
