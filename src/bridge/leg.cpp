#include "bridge/leg.hpp"

#include <openssl/crypto.h>

#include <atomic>

#include "base/random.hpp"
#include "base/text.hpp"
#include "bridge/dtmf_info.hpp"
#include "sip/dialog.hpp"

namespace bridge {
namespace {

constexpr std::size_t kMaxRefusedTypes = 32;
constexpr std::size_t kMaxTaken = 64, kMaxTakenId = 40;
constexpr int kMaxFailedOffers = 5;   // in a row; then the leg keeps what it has until something changes again

// Sources are numbered over the whole process: an id is never used twice.
SourceId next_source_id() {
  static std::atomic<std::uint64_t> last{0};
  return {++last};
}

// A browser's offer says DTLS-SRTP in its protocol; a fingerprint alone under RTP/AVP is a phone that could do both. RTP/SAVPF
// is an old browser's with a fingerprint, and a phone's with keys (RFC 4568).
bool offers_webrtc(std::string_view sdp) {
  return sdp.find("TLS/RTP/SAVP") != sdp.npos || (sdp.find(" RTP/SAVPF") != sdp.npos && sdp.find("a=fingerprint:") != sdp.npos);
}

bool is_websocket(const sip::Source& source) { return source.transport == sip::Transport::kWs || source.transport == sip::Transport::kWss; }

bool equals_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && !a.empty() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

// Known, and not for a call here: Allow says what is. REFER is, but not everywhere.
void LegOwner::on_leg_request(Leg& leg, sip::RequestId id, const sip::MessagePtr& request) {
  leg.session().respond(id, {.status = request->method() == sip::Method::kRefer ? 403 : 405});
}

Leg::Leg(LegId id, LegEnvironment& environment, LegOwner& owner, BridgeId bridge, sdp::VideoMode video, Party party)
    : id_(id), environment_(environment), owner_(&owner), bridge_(bridge), video_(video), party_(std::move(party)),
      message_bucket_(environment.config.messages.rate, environment.config.messages.burst) {
  environment_.legs.emplace(id_, this);
  set_pending(true);
}

Leg::~Leg() {
  set_pending(false);
  environment_.legs.erase(id_);
  environment_.timeline.cancel(flow_timer_);
  if (has_media_) environment_.media.remove_leg(id_);
}

base::Status Leg::create_media(bool webrtc, const base::SocketAddress& peer, sdp::SdesPolicy sdes) {
  auto config = environment_.config.sdp;
  config.video = webrtc ? video_ : sdp::VideoMode::kNone;
  config.sdes = sdes;
  if (!video_codecs_.empty()) config.video_codecs = video_codecs_;
  if (webrtc) {
    auto endpoint = environment_.media.create_webrtc_leg(id_, bridge_);
    if (!endpoint) return std::unexpected(endpoint.error());
    config.ice = {endpoint->ufrag, endpoint->pwd};
    config.fingerprints = {{endpoint->fingerprint_hash, endpoint->fingerprint}};
    config.candidates = std::move(endpoint->candidates);
    config.webrtc_address = endpoint->address.ip();
    config.webrtc_port = endpoint->address.port();
    config.restart_ice = [this] {
      auto [ufrag, pwd] = environment_.media.restart_ice(id_);
      return sdp::IceCredentials{std::move(ufrag), std::move(pwd)};
    };
  } else {
    const auto endpoint = environment_.media.create_rtp_leg(id_, bridge_, peer);
    if (!endpoint) return std::unexpected(endpoint.error());
    config.plain_address = endpoint->rtp.ip();
    config.rtp_port = endpoint->rtp.port();
    config.rtcp_port = endpoint->rtcp_port;
  }
  has_media_ = true;
  webrtc_ = webrtc;
  negotiator_ = std::make_unique<sdp::Negotiator>(std::move(config));
  return {};
}

base::Result<std::string> Leg::prepare_answer(const sip::Message& invite) {
  const auto& source = session_->source();
  const bool has_offer = invite.media_type() == "application/sdp";
  const bool webrtc = has_offer ? offers_webrtc(invite.body()) : is_websocket(source);
  if (auto made = create_media(webrtc, source.remote, environment_.sdes_for(source.transport)); !made) return std::unexpected(made.error());
  if (!has_offer) return negotiator_->create_initial_offer(webrtc ? sdp::TransportKind::kWebrtc : sdp::TransportKind::kPlain, true);
  auto answer = negotiator_->answer(invite.body());
  if (answer) media_changed();
  return answer;
}

base::Result<std::string> Leg::prepare_offer(bool webrtc, bool video, const base::SocketAddress& peer, sdp::SdesPolicy sdes) {
  if (auto made = create_media(webrtc, peer, sdes); !made) return std::unexpected(made.error());
  return negotiator_->create_initial_offer(webrtc ? sdp::TransportKind::kWebrtc : sdp::TransportKind::kPlain, video && webrtc);
}

void Leg::join() {
  joined_ = true;
  environment_.media.join(id_);
}

void Leg::move_to(LegOwner& owner, BridgeId bridge, sdp::VideoMode video) {
  owner_ = &owner;
  bridge_ = bridge;
  joined_ = talking_ = false;
  told_unavailable_.clear();
  hidden_ = hidden_video_ = false;
  const bool other_layout = std::exchange(video_, video) != video && webrtc_;
  shown_.clear();
  if (!has_media_) return;
  auto& media = environment_.media;
  media.stop_sound(id_);
  media.set_echo(id_, false);
  if (muted_) set_muted(false);
  media.move_leg(id_, bridge_);
  if (other_layout) {
    negotiator_->set_remote_sources({});
    negotiator_->set_video_mode(video_);
    failed_offers_ = 0;
  }
  if (!negotiator_->established()) return;
  configure();
  // In a room the bridge asks for an offer, when it knows who is to be seen.
  if (video_ != sdp::VideoMode::kForwarding && negotiator_->needs_offer() && session_->established()) session_->reoffer();
}

bool Leg::present(const Identity& who) {
  if (who == presented_ || ended_ || !session_ || !party_.trunk.empty()) return false;
  presented_ = who;
  identity_told_ = true;
  const auto& name = who.display_name;
  session_->tell_identity(fmt::format("P-Asserted-Identity: {}<{}>\r\n", name.empty() ? std::string() : sip::quote(name) + " ", sip::one_line(who.uri)));
  return true;
}

void Leg::inherit_presented(const Leg& predecessor) {
  if (predecessor.identity_told_) {
    present(predecessor.presented_);
  } else {
    presented_ = predecessor.presented_;
  }
}

void Leg::end(std::string_view reason) {
  if (!ended_ && session_) session_->end(reason);
}

void Leg::watch(const std::vector<sdp::RemoteSource>& sources) {
  if (ended_ || !negotiator_ || !negotiator_->established()) return;
  if (video_ == sdp::VideoMode::kTwoWay) return show_in_own_section(sources);
  negotiator_->set_remote_sources(sources);
  failed_offers_ = 0;
  if (negotiator_->needs_offer() && session_->established()) session_->reoffer();
}

// A call of two: the other's video, its camera before a screen, goes back in the m-line that this one's comes in. A page that came
// without one is offered it.
void Leg::show_in_own_section(const std::vector<sdp::RemoteSource>& sources) {
  shown_.clear();
  const auto* own = negotiator_->current().find(sdp::Role::kOwnVideo);
  const auto fits = [&](const sdp::RemoteSource& source) {
    return !own || std::any_of(own->codecs.begin(), own->codecs.end(), [&](const auto& codec) { return sdp::decodes(codec, source.codec, source.fmtp); });
  };
  const sdp::RemoteSource* wanted = nullptr;
  for (const auto& source : sources) {
    if (fits(source) && (!wanted || (wanted->content == "slides" && source.content != "slides"))) wanted = &source;
  }
  if (own && wanted) shown_.emplace_back(own->index, SourceId{wanted->source_id});
  configure();
  if (!webrtc_ || hidden_) return;
  const auto id = wanted ? wanted->source_id : 0;
  if (std::exchange(offered_source_, id) != id) failed_offers_ = 0;
  negotiator_->set_shown_video(wanted ? std::optional(*wanted) : std::nullopt);
  if (failed_offers_ < kMaxFailedOffers && negotiator_->needs_offer() && session_->established()) session_->reoffer();
}

const std::vector<sdp::Undelivered>& Leg::undelivered() const {
  static const std::vector<sdp::Undelivered> kNone;
  return negotiator_ ? negotiator_->undelivered() : kNone;
}

bool Leg::told_unavailable(std::uint64_t source_id) {
  if (std::find(told_unavailable_.begin(), told_unavailable_.end(), source_id) != told_unavailable_.end()) return true;
  if (told_unavailable_.size() > 1000) told_unavailable_.clear();
  told_unavailable_.push_back(source_id);
  return false;
}

bool Leg::on_hold() const {
  if (!negotiator_ || !negotiator_->established()) return false;
  const auto* audio = negotiator_->current().find(sdp::Role::kOwnAudio);
  return audio && (audio->direction == sdp::Direction::kRecvOnly || audio->direction == sdp::Direction::kInactive);
}

void Leg::set_muted(bool muted) {
  muted_ = muted;
  environment_.media.set_muted(id_, muted);
}

bool Leg::takes(std::string_view content_type) const {
  return !refuses_all_ && std::find(refused_types_.begin(), refused_types_.end(), content_type) == refused_types_.end();
}

void Leg::refuses(std::string_view content_type) {
  if (content_type.empty()) {
    refuses_all_ = true;
  } else if (takes(content_type) && refused_types_.size() < kMaxRefusedTypes) {
    refused_types_.emplace_back(content_type);
  }
}

void Leg::note_taken(std::string_view id) {
  if (id.empty() || id.size() > kMaxTakenId) return;
  if (taken_.size() >= kMaxTaken) taken_.pop_front();
  taken_.emplace_back(id);
}

void Leg::media_changed() {
  update_sources();
  configure();
}

void Leg::configure() {
  LegMedia media{.negotiated = negotiator_->current(), .publishes = {}, .shows = shown_};
  for (const auto& source : sources_) media.publishes.emplace_back(source.section, source.id);
  environment_.media.configure(id_, media);
}

// The sources of the sections that the peer sends video in. One whose section and codec stay keeps its id; so does one of
// a leg that this one replaces.
void Leg::update_sources() {
  std::vector<PublishedSource> next;
  for (const auto& section : negotiator_->current().sections) {
    if (!section.active || section.publishes == sdp::Publishes::kNothing || section.codecs.empty()) continue;
    const bool receives = section.direction == sdp::Direction::kRecvOnly || section.direction == sdp::Direction::kSendRecv;
    if (!receives) continue;
    PublishedSource source{.id = {}, .kind = section.publishes == sdp::Publishes::kScreen ? PublishedSource::Kind::kScreen : PublishedSource::Kind::kCamera,
                           .section = section.index, .codec = section.codecs.front().name, .fmtp = section.codecs.front().fmtp,
                           .stream_id = {}, .track_id = {}};
    const auto same = [&](const PublishedSource& old) { return old.section == source.section && old.kind == source.kind && old.codec == source.codec; };
    const auto alike = [&](const PublishedSource& old) { return old.kind == source.kind && old.codec == source.codec; };
    if (const auto old = std::find_if(sources_.begin(), sources_.end(), same); old != sources_.end()) {
      source = *old;
    } else if (const auto heir = std::find_if(inherited_.begin(), inherited_.end(), alike); heir != inherited_.end()) {
      source.id = heir->id;
      source.stream_id = heir->stream_id;
      source.track_id = heir->track_id;
      inherited_.erase(heir);
    } else {
      source.id = next_source_id();
      source.stream_id = base::random_uuid();
      source.track_id = base::random_uuid();
    }
    next.push_back(std::move(source));
  }
  sources_ = std::move(next);
}

base::Result<std::string> Leg::on_offer(std::string_view sdp) {
  if (!negotiator_) return base::fail(base::ErrorCode::kConflict, "no media yet");
  // Ours was refused for now (glare) and will be made anew; this one came in between.
  negotiator_->rollback();
  auto answer = negotiator_->answer(sdp);
  if (!answer) return answer;
  media_changed();
  owner_->on_leg_media_changed(*this);
  return answer;
}

void Leg::on_answer(std::string_view sdp) {
  if (!negotiator_ || negotiator_->state() != sdp::SignalingState::kHaveLocalOffer) return;
  if (!negotiator_->apply_answer(sdp)) {
    negotiator_->rollback();
    // Without a first agreement there is no media to keep; later ones leave what was agreed.
    if (!negotiator_->established()) return end("SIP;cause=488;text=\"Answer not understood\"");
    return on_offer_failed(488);
  }
  failed_offers_ = 0;
  media_changed();
  owner_->on_leg_media_changed(*this);
  if (negotiator_->needs_offer()) session_->reoffer();
}

std::optional<std::string> Leg::make_offer() {
  if (!negotiator_ || ended_) return std::nullopt;
  negotiator_->rollback();   // of one that was refused for now
  auto offer = negotiator_->established()
                   ? negotiator_->create_offer()
                   : negotiator_->create_initial_offer(is_websocket(session_->source()) ? sdp::TransportKind::kWebrtc : sdp::TransportKind::kPlain, true);
  if (!offer) return std::nullopt;
  return std::move(*offer);
}

void Leg::on_offer_failed(int status) {
  if (!negotiator_) return;
  const bool refused = status == 488 || status == 415 || status == 606;
  refused ? negotiator_->rollback_refused() : negotiator_->rollback();
  // A re-INVITE that is refused or times out (a page that blocks in a dialogue) is tried again, never a reason to give up a leg.
  if (++failed_offers_ < kMaxFailedOffers && negotiator_->needs_offer()) session_->reoffer();
}

void Leg::on_progress(const sip::Message& response) {
  if (!response.body().empty() && response.media_type() == "application/sdp") take_early_answer(response.body());
  if (!ended_) owner_->on_leg_progress(*this, response);
}

// RFC 3261 section 13.2.1: what an unreliable 1xx says is what the 2xx will say, of the same peer. A proxy may let several answer,
// so the last one holds until the 2xx decides.
void Leg::take_early_answer(std::string_view sdp) {
  if (!negotiator_ || negotiator_->state() != sdp::SignalingState::kHaveLocalOffer || sdp == early_answer_) return;
  if (!negotiator_->apply_answer(sdp, true)) return;
  early_answer_ = sdp;
  media_changed();
}

void Leg::on_established(const sip::Message&) {
  set_pending(false);
  owner_->on_leg_established(*this);
}

void Leg::set_pending(bool pending) {
  if (std::exchange(pending_, pending) == pending) return;
  pending ? ++environment_.pending : --environment_.pending;
}

void Leg::on_request(sip::RequestId id, const sip::MessagePtr& request) {
  switch (request->method()) {
    case sip::Method::kMessage:
      if (!party_.may_message) return session_->respond(id, {.status = 403, .reason = "No Right To Send Text"});
      if (std::find(taken_.begin(), taken_.end(), request->value("Parley-Client-Message")) != taken_.end()) return session_->respond(id, {.status = 202});
      return owner_->on_leg_message(*this, id, request);
    case sip::Method::kInfo: {    // whatever the package (RFC 6086's legacy use)
      const auto info = read_dtmf_info(*request);
      session_->respond(id, {.status = info.malformed ? 400 : 200});
      if (info.digit != 0) on_dtmf(info.digit);
      return;
    }
    case sip::Method::kOptions:
      return session_->respond(id, {.status = 200});
    default:
      return owner_->on_leg_request(*this, id, request);
  }
}

void Leg::on_message_done(std::uint64_t token, int status) { owner_->on_leg_message_done(*this, token, status); }

void Leg::on_flow_lost() {
  flow_lost_ = true;
  if (flow_timer_ != 0 || ended_) return;
  flow_timer_ = environment_.timeline.after(environment_.config.flow_grace, [this](base::TimePoint) {
    flow_timer_ = 0;
    end("SIP;cause=408;text=\"Connection lost\"");
  });
}

// An in-dialog request by another way than the dialog's (survival item 4): a page proves itself by its token; a phone whose
// connection is gone, or which takes TCP for what is too long for UDP, by its address, which a stream has validated.
sip::FlowChange Leg::on_flow_change(const sip::Message& request, const sip::Source& source) {
  const auto& old = session_->source();
  const bool token = equals_in_constant_time(request.value("Parley-Resume"), party_.resume_token);
  const bool stream_of_same_host = sip::is_reliable(source.transport) && !is_websocket(source) && !is_websocket(old) && source.remote.same_ip(old.remote);
  if (!token && stream_of_same_host && old.transport == sip::Transport::kUdp) return sip::FlowChange::kTake;
  if (!token && !(stream_of_same_host && flow_lost_)) return sip::FlowChange::kRefuse;
  flow_lost_ = false;
  environment_.timeline.cancel(flow_timer_);
  return sip::FlowChange::kMove;
}

void Leg::on_media_lost() { end("SIP;cause=408;text=\"Media lost\""); }

void Leg::on_media_failed(std::string_view reason) { end(fmt::format("SIP;cause=488;text={}", sip::quote(reason))); }

void Leg::on_talking(bool talking) {
  talking_ = talking;
  if (joined_ && !ended_) owner_->on_leg_talking(*this, talking);
}

void Leg::on_dtmf(char digit) {
  if (!ended_) owner_->on_leg_dtmf(*this, digit);
}

void Leg::on_sound_ended(bool played) {
  if (!ended_) owner_->on_leg_sound_ended(*this, played);
}

void Leg::on_ended(const sip::SessionEnd& end) {
  ended_ = true;
  set_pending(false);
  environment_.timeline.cancel(flow_timer_);
  if (std::exchange(has_media_, false)) environment_.media.remove_leg(id_);
  owner_->on_leg_ended(*this, end);
}

}  // namespace bridge
