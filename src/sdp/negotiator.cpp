#include <algorithm>

#include "base/random.hpp"
#include "sdp/session_state.hpp"

namespace sdp {
namespace {

SourceMap map_of(const std::vector<RemoteSource>& sources) {
  SourceMap map;
  map.reserve(sources.size());
  for (const auto& s : sources) map.emplace(s.source_id, &s);
  return map;
}

std::unexpected<base::Error> conflict(const char* detail) { return base::fail(base::ErrorCode::kConflict, detail); }

}  // namespace

Negotiator::Negotiator(LocalConfig config)
    : config_(std::move(config)),
      agreed_(std::make_unique<SessionState>()),
      // Digits, and a number under 2^62 as RFC 8829 section 5.2.1 asks for.
      session_id_(std::to_string(base::random_u64() >> 2)) {
  if (config_.ice.ufrag.empty()) config_.ice = {base::random_token(8), base::random_token(24)};
  agreed_->agreed.local_ice = config_.ice;
  agreed_->stream_id = base::random_uuid();
}
Negotiator::~Negotiator() = default;
Negotiator::Negotiator(Negotiator&&) noexcept = default;
Negotiator& Negotiator::operator=(Negotiator&&) noexcept = default;

bool Negotiator::established() const { return agreed_->established; }
const Negotiated& Negotiator::current() const { return agreed_->agreed; }

base::Result<std::string> Negotiator::answer(std::string_view offer) {
  if (state_ != SignalingState::kStable) return conflict("an offer of ours is out");
  const auto description = parse(offer);
  if (!description) return std::unexpected(description.error());
  auto next = std::make_unique<SessionState>(*agreed_);
  rejections_.clear();
  if (auto status = process_offer(config_, *description, map_of(sources_), *next, rejections_); !status) {
    return std::unexpected(status.error());
  }
  next->established = true;
  settle_publishers(next->agreed);
  agreed_ = std::move(next);
  update_undelivered();
  return finish(compose(config_, *agreed_, Purpose::kAnswer));
}

base::Result<std::string> Negotiator::create_initial_offer(TransportKind kind, bool video) {
  if (state_ != SignalingState::kStable || agreed_->established) return conflict("not the first offer");
  auto next = std::make_unique<SessionState>(*agreed_);
  if (auto status = plan_initial_offer(config_, kind, video, *next); !status) return std::unexpected(status.error());
  pending_ = std::move(next);
  state_ = SignalingState::kHaveLocalOffer;
  return finish(compose(config_, *pending_, Purpose::kOffer));
}

base::Result<std::string> Negotiator::create_offer() {
  if (state_ != SignalingState::kStable) return conflict("an offer of ours is out");
  if (!agreed_->established) return conflict("nothing is agreed yet");
  auto next = std::make_unique<SessionState>(*agreed_);
  undelivered_.clear();
  plan_offer(config_, sources_, *next, undelivered_);
  pending_ = std::move(next);
  state_ = SignalingState::kHaveLocalOffer;
  return finish(compose(config_, *pending_, Purpose::kOffer));
}

base::Status Negotiator::apply_answer(std::string_view answer, bool early) {
  if (state_ != SignalingState::kHaveLocalOffer) return conflict("no offer of ours is out");
  const auto description = parse(answer);
  if (!description) return std::unexpected(description.error());
  auto next = std::make_unique<SessionState>(*pending_);
  if (auto status = process_answer(config_, *description, *next); !status) return status;
  // What was wished meanwhile isn't lost to the copy that was made before.
  next->audio = agreed_->audio;
  next->shown = agreed_->shown;
  next->established = true;
  settle_publishers(next->agreed);
  agreed_ = std::move(next);
  if (!early) {
    pending_.reset();
    state_ = SignalingState::kStable;
  }
  update_undelivered();
  return {};
}

void Negotiator::rollback() {
  if (state_ != SignalingState::kHaveLocalOffer) return;
  // A mid that was sent once isn't given to another section.
  agreed_->next_mid = pending_->next_mid;
  pending_.reset();
  state_ = SignalingState::kStable;
}

void Negotiator::rollback_refused() {
  const auto opened = [](const Section& s) { return s.active && s.opened_for_peer; };
  const bool opens = state_ == SignalingState::kHaveLocalOffer && std::ranges::any_of(pending_->agreed.sections, opened) &&
                     std::ranges::none_of(agreed_->agreed.sections, opened);
  rollback();
  if (opens) agreed_->video_refused = true;
}

void Negotiator::set_shown_video(std::optional<RemoteSource> source) {
  agreed_->shown.reset();
  if (source) agreed_->shown = SessionState::Format{std::move(source->codec), std::move(source->fmtp)};
}

void Negotiator::set_remote_sources(std::vector<RemoteSource> sources) {
  sources_ = std::move(sources);
  const auto wanted = map_of(sources_);
  // One that was refused and goes may be tried anew when it comes back.
  std::erase_if(agreed_->refused, [&](std::uint64_t id) { return !wanted.contains(id); });
  update_undelivered();
}

void Negotiator::set_video_mode(VideoMode mode) {
  config_.video = mode;
  update_undelivered();
}

void Negotiator::set_audio_direction(Direction direction) { agreed_->audio = direction; }

bool Negotiator::needs_offer() const {
  if (state_ != SignalingState::kStable || !agreed_->established) return false;
  SessionState next = *agreed_;
  std::vector<Undelivered> ignored;
  return plan_offer(config_, sources_, next, ignored);
}

void Negotiator::update_undelivered() {
  undelivered_.clear();
  if (!agreed_->established) return;
  SessionState next = *agreed_;
  plan_offer(config_, sources_, next, undelivered_);
}

std::string Negotiator::finish(Description description) {
  description.origin.session_id = session_id_;
  description.origin.version = version_;
  auto text = write(description);
  // RFC 3264 section 8: the version goes up by one where anything differs from what was sent last, and only there.
  if (!last_text_.empty() && text != last_text_) {
    description.origin.version = ++version_;
    text = write(description);
  }
  last_text_ = text;
  return text;
}

}  // namespace sdp
