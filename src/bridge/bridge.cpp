#include "bridge/bridge.hpp"

#include <fmt/format.h>

#include <ctime>
#include <map>

#include "base/random.hpp"
#include "base/text.hpp"

namespace bridge {
namespace {

constexpr std::size_t kMaxRememberedTypes = 64;
constexpr std::string_view kNoticeType = "application/vnd.parley.notice+json";

}  // namespace

Bridge::Bridge(LegEnvironment& environment, BridgeConfig config)
    : environment_(environment), config_(std::move(config)), id_(environment.media.create_bridge(config_.mix)), message_prefix_(base::random_token(10)) {
  environment_.bridges[key()] = this;
  learn_numbering();
}

Bridge::~Bridge() {
  environment_.timeline.cancel(video_timer_);
  if (const auto own = environment_.bridges.find(key()); own != environment_.bridges.end() && own->second == this) environment_.bridges.erase(own);
  environment_.media.remove_bridge(id_);
}

void Bridge::add(Leg& leg) {
  if (std::find(legs_.begin(), legs_.end(), &leg) != legs_.end()) return;
  legs_.push_back(&leg);
  leg.join();
  if (config_.video) video_changed();
}

void Bridge::remove(Leg& leg) {
  if (std::erase(legs_, &leg) != 0 && config_.video) video_changed();
}

void Bridge::video_changed() {
  if (video_timer_ != 0) return;
  video_timer_ = environment_.timeline.after(config_.video_merge, [this](base::TimePoint) {
    video_timer_ = 0;
    update_video();
  });
}

void Bridge::update_video() {
  std::vector<std::pair<const Leg*, sdp::RemoteSource>> all;
  for (const Leg* leg : legs_) {
    if (leg->hidden_video()) continue;
    for (const auto& source : leg->sources()) {
      all.emplace_back(leg, sdp::RemoteSource{.source_id = source.id.value, .label = leg->party().participant, .stream_id = source.stream_id,
                                              .track_id = source.track_id, .codec = source.codec, .fmtp = source.fmtp,
                                              .content = source.kind == PublishedSource::Kind::kScreen ? "slides" : "main"});
    }
  }
  std::vector<sdp::RemoteSource> others;
  for (Leg* leg : legs_) {
    others.clear();
    for (const auto& [publisher, source] : all) {
      const bool room = config_.max_video_streams == 0 || others.size() < config_.max_video_streams;
      if (publisher != leg && room) others.push_back(source);
    }
    leg->watch(others);
    for (const auto& [source_id, reason] : leg->undelivered()) {
      if (!leg->told_unavailable(source_id)) tell_unavailable(*leg, others, source_id, reason);
    }
  }
}

void Bridge::tell_unavailable(Leg& leg, const std::vector<sdp::RemoteSource>& sources, std::uint64_t source_id, std::string_view reason) {
  // Opt-in like the events: an old page ends its call on a MESSAGE that it does not expect.
  if (!leg.wants_events()) return;
  const auto source = std::find_if(sources.begin(), sources.end(), [&](const auto& s) { return s.source_id == source_id; });
  if (source == sources.end()) return;
  notify(leg, {.from_display = {}, .content_type = kNoticeType,
               .body = base::share(fmt::format(R"({{"type":"video-unavailable","participant":"{}","kind":"{}","reason":"{}"}})", source->label,
                                               source->content == "slides" ? "screen" : "camera", reason))});
}

std::uint64_t Bridge::token_of(std::string_view content_type) {
  const auto found = std::find(types_.begin(), types_.end(), content_type);
  const auto index = static_cast<std::size_t>(found - types_.begin());
  if (index == kMaxRememberedTypes) return 0;
  if (found == types_.end()) types_.emplace_back(content_type);
  return key() << kKeyShift | (index + 1);
}

void Bridge::notify(Leg& to, const Notice& notice) {
  if (to.ended() || !to.takes(notice.content_type)) return;
  to.session().send_message({.from_display = notice.from_display, .content_type = notice.content_type, .body = notice.body,
                             .token = token_of(notice.content_type)});
}

}  // namespace bridge
