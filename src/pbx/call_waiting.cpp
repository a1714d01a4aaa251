// A caller who waits in a queue: answered at once, with music, until an agent's call joins it or it is let go.
#include <nlohmann/json.hpp>

#include "base/random.hpp"
#include "base/text.hpp"
#include "pbx/call.hpp"

namespace pbx {
namespace {

constexpr std::size_t kMaxKept = 100;               // texts of one caller
constexpr std::size_t kMaxKeptBytes = 256 * 1024;
constexpr std::size_t kPerText = 1024;              // what a kept message takes beside its body, about
constexpr std::size_t kPickupLength = 24;
constexpr std::size_t kShownTexts = 3, kShownCharacters = 200;
constexpr std::chrono::seconds kToJoin{10};         // from an agent's INVITE to its ACK

std::string dump(const nlohmann::ordered_json& json) { return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace); }

}  // namespace

sip::SessionHandler* Call::wait(sip::Session& session, const sip::Message& invite, bridge::Party caller, const QueueConfig& queue) {
  bridge::Party callee;
  callee.number = callee.display_name = queue.name;
  begin_info(caller, callee);
  caller_ = std::make_unique<bridge::Leg>(environment_.next_leg_id(), environment_, *this, bridge_.id(), sdp::VideoMode::kTwoWay, std::move(caller));
  caller_->attach(session);
  caller_->note_presented(queue.name, queue.name);
  auto answer = caller_->prepare_answer(invite);
  if (!answer) return reject(session, {.status = 488, .headers = {{"Warning", "399 parley " + sip::quote(answer.error().detail)}}});
  queue_notices_ = caller_->party().webphone || invite.value("Accept").find(kQueueEventType) != std::string_view::npos;
  begin_waiting(queue);
  session.accept(*answer, identity_headers(caller_->party()));
  host_.on_call_changed(*this);
  return caller_.get();
}

void Call::begin_waiting(const QueueConfig& queue) {
  queued_ = std::make_unique<Waiting>();
  queued_->queue = &queue;
  queued_->pickup = std::string(kPickupPrefix) + base::random_token(kPickupLength);
  info_.queue = queue.name;
  info_.to = {queue.name, queue.name, {}};
  play_waiting_music();
  if (queue.max_wait <= std::chrono::seconds(0)) return;
  queued_->timer = environment_.timeline.after(queue.max_wait, [this](base::TimePoint) {
    queued_->timer = 0;
    if (queued_->taker || !caller_) return;   // it is being taken
    best_failure_ = 480;
    caller_->end("SIP;cause=480;text=\"Nobody Could Take The Call\"");
  });
}

void Call::play_waiting_music() {
  if (!queued_ || !caller_ || caller_->ended()) return;
  play(*caller_, {.kind = bridge::Sound::Kind::kMusic, .file = queued_->queue->music.empty() ? config_.music : queued_->queue->music});
}

void Call::tell_place(std::size_t position) {
  if (!queued_) return;
  queued_->position = position;
  tell_waiting();
}

void Call::tell_waiting() {
  if (!queued_ || queued_->position == 0 || !queue_notices_ || !caller_ || caller_->ended()) return;
  bridge_.notify(*caller_, {.from_display = queued_->queue->name, .content_type = kQueueEventType,
                            .body = base::share(dump({{"type", "waiting"}, {"queue", queued_->queue->name}, {"position", queued_->position}}))});
}

// Spec of queues: 202, and the agent who takes the call gets it.
void Call::keep_text(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) {
  const auto refuse = [&](const sip::Reply& reply) { leg.session().respond(id, reply); };
  if (const auto refusal = bridge::refuse_message(config_.messages, *request, leg.message_bucket(), environment_.timeline.now())) return refuse(*refusal);
  if (request->media_type() == "application/im-iscomposing+xml") return refuse({.status = 202});   // is of the moment
  const auto size = request->body().size() + kPerText;
  if (queued_->kept.size() >= kMaxKept || queued_->kept_bytes + size > kMaxKeptBytes + kMaxKept * kPerText) {
    return refuse({.status = 503, .reason = "Too Many Texts Wait", .headers = {{"Retry-After", "30"}}});
  }
  queued_->kept_bytes += size;
  queued_->kept.emplace_back(request, environment_.timeline.wall());
  leg.note_taken(request->value("Parley-Client-Message"));
  refuse({.status = 202});
  if (queued_->kept.size() <= kShownTexts) host_.on_call_changed(*this);
}

std::vector<std::string> Call::kept_texts() const {
  std::vector<std::string> texts;
  if (!waiting_in()) return texts;
  for (std::size_t i = 0; i < std::min(queued_->kept.size(), kShownTexts); ++i) {
    const auto& message = *queued_->kept[i].first;
    if (!message.media_type().starts_with("text/")) continue;
    auto line = std::string(message.body().substr(0, 4 * kShownCharacters));
    std::replace(line.begin(), line.end(), '\n', ' ');
    texts.push_back(base::clean_display_name(line, kShownCharacters));
  }
  return texts;
}

// The first agent wins; what comes later is told that it is too late.
sip::SessionHandler* Call::take(sip::Session& session, const sip::Message& invite, bridge::Party agent) {
  const auto refuse = [&](int status, std::string reason) {
    session.reject({.status = status, .reason = std::move(reason)});
    return nullptr;
  };
  if (!queued_ || queued_->taker || !caller_ || caller_->ended()) return refuse(410, "Taken By Another Agent");
  if (agent.account == caller_->party().account) return refuse(403, "Your Own Call");
  auto leg = std::make_unique<bridge::Leg>(environment_.next_leg_id(), environment_, *this, bridge_.id(), sdp::VideoMode::kTwoWay, std::move(agent));
  leg->attach(session);
  const auto answer = leg->prepare_answer(invite);
  if (!answer) {
    session.reject({.status = 488, .headers = {{"Warning", "399 parley " + sip::quote(answer.error().detail)}}});
    return nullptr;
  }
  leg->present(identity_of(*caller_));
  auto* handler = leg.get();
  queued_->taker = handler;
  callees_.push_back(std::move(leg));
  session.accept(*answer, identity_headers(handler->party()));
  // One that never acknowledges keeps the caller from the others for a moment only, however patient one is with pages.
  environment_.timeline.after(kToJoin, [environment = &environment_, id = handler->id()](base::TimePoint) {
    const auto found = environment->legs.find(id);
    if (found != environment->legs.end() && !found->second->ended() && !found->second->joined()) found->second->end("SIP;cause=408;text=\"Not Acknowledged\"");
  });
  host_.on_call_changed(*this);
  return handler;
}

// The agent is there: it gets what was written meanwhile, its caller its name.
void Call::finish_waiting(bridge::Leg& agent) {
  const auto waited = std::exchange(queued_, nullptr);
  environment_.timeline.cancel(waited->timer);
  hush(*caller_);
  if (queue_notices_) {
    bridge_.notify(*caller_, {.from_display = waited->queue->name, .content_type = kQueueEventType,
                              .body = base::share(dump({{"type", "taken"}, {"queue", waited->queue->name}, {"number", agent.party().number},
                                                        {"displayName", agent.party().display_name}}))});
  }
  for (const auto& [message, time] : waited->kept) bridge_.relay_kept(*caller_, message, time);
}

// True when `leg` was an agent's that went before it had joined: the caller waits on, by another number.
bool Call::on_taker_ended(const bridge::Leg& leg) {
  if (!queued_ || queued_->taker != &leg) return false;
  queued_->taker = nullptr;
  queued_->pickup = std::string(kPickupPrefix) + base::random_token(kPickupLength);
  const auto own = std::find_if(callees_.begin(), callees_.end(), [&](const auto& l) { return l.get() == &leg; });
  gone_.push_back(std::move(*own));
  callees_.erase(own);
  if (queued_->queue->max_wait > std::chrono::seconds(0) && queued_->timer == 0 && caller_) caller_->end("SIP;cause=480;text=\"Nobody Could Take The Call\"");
  host_.on_call_changed(*this);
  check_over();   // its caller may have gone first
  return true;
}

// With a leg out of another call.
void Call::wait(std::unique_ptr<bridge::Leg> caller, const QueueConfig& queue) {
  bridge::Party callee;
  callee.number = callee.display_name = queue.name;
  begin_info(caller->party(), callee);
  caller_ = std::move(caller);
  caller_->move_to(*this, bridge_.id(), caller_->video_mode());
  queue_notices_ = caller_->party().webphone;
  begin_waiting(queue);
  present_parties();
  host_.on_call_changed(*this);
}

}  // namespace pbx
