// Ringing: branch by branch, stage after stage, until somebody answers.
#include <map>

#include "base/text.hpp"
#include "pbx/call.hpp"

namespace pbx {
namespace {

// RFC 3261's timer B is too long for somebody who waits, where there is another address: four INVITEs by UDP fit in.
constexpr std::chrono::seconds kAddressPatience{4};

bool is_websocket(const sip::Target& target) { return target.transport == sip::Transport::kWs || target.transport == sip::Transport::kWss; }

}  // namespace

CallStages stages_of(std::vector<CallBranch> branches) {
  std::map<int, std::vector<CallBranch>> in_order;
  for (auto& branch : branches) in_order[branch.stage].push_back(std::move(branch));
  CallStages stages;
  for (auto& [number, stage] : in_order) stages.push_back(std::move(stage));
  return stages;
}

int better_failure(int a, int b) {
  const auto rank = [](int status) {
    if (status >= 600) return 0;
    if (status == 486) return 1;
    if (status == 603 || status == 403) return 2;
    if (status == 488) return 3;
    if (status == 480 || status == 408 || status == 487) return 5;
    return 4;
  };
  return rank(b) < rank(a) ? b : a;
}

std::string Call::uri_of(bridge::Leg& leg) const {
  // A trunk's caller is called back by his number here, never by the provider's own URI.
  if (!leg.party().trunk.empty()) return "sip:" + sip::escape_user(leg.party().number) + "@" + config_.realm;
  return std::string(leg.session().remote_uri());
}

bridge::Identity Call::identity_of(bridge::Leg& leg) const { return {leg.party().number, leg.party().display_name, uri_of(leg)}; }

bridge::Identity Call::identity_of(const std::string& number, const std::string& display_name) const {
  return {number, display_name, "sip:" + sip::escape_user(number) + "@" + config_.realm};
}

// Each is told whom it speaks with, where that is another than it knows of (docs/decisions/0009).
void Call::present_parties() {
  if (!caller_ || caller_->ended()) return;
  const bool there = std::any_of(callees_.begin(), callees_.end(), [&](const auto& l) { return l.get() == answered_ && !l->ended(); });
  if (there) {
    caller_->present(identity_of(*answered_));
    answered_->present(identity_of(*caller_));
  } else if (service_) {
    caller_->present(identity_of(service_party_.number, service_party_.display_name));
  } else if (queued_) {
    caller_->present(identity_of(queued_->queue->name, queued_->queue->name));
  }
}

// Null: no offer could be made. No callback comes before it has returned.
std::unique_ptr<bridge::Leg> Call::dial(const CallBranch& branch, const bridge::Party& from, const std::string& from_uri, bool video) {
  const auto& contact = branch.contact;
  const bool webrtc = is_websocket(contact.target);
  // An extension may have a page and a desk phone.
  auto party = branch.party;
  party.webphone = branch.party.webphone && webrtc;
  auto leg = std::make_unique<bridge::Leg>(environment_.next_leg_id(), environment_, *this, bridge_.id(), sdp::VideoMode::kTwoWay, party);
  const auto sdes = branch.sdes.value_or(environment_.sdes_for(contact.target.transport));
  const auto offer = leg->prepare_offer(webrtc, video, contact.target.remote, sdes);
  if (!offer) return nullptr;
  leg->attach(agent_.invite({.target = contact.target,
                            .request_uri = contact.contact,
                            .from_uri = branch.from ? branch.from->uri : from_uri,
                            .from_display = branch.from ? branch.from->display_name : from.display_name,
                            .to_uri = branch.uri,
                            .to_display = party.trunk.empty() ? party.display_name : std::string(),
                            .route = contact.path,
                            // A provider is told nothing of what is ours alone.
                            .headers = (party.trunk.empty() ? identity_headers(party) : std::string()) + branch.headers,
                            .sdp = *offer,
                            // A page may block in a dialogue of its own (rule 5): it answers when it can, on a connection that lives.
                            .session_timer = !party.webphone,
                            .timeout = party.webphone ? bridge::kPagePatience : std::chrono::seconds(0),
                            .first_answer = branch.others.empty() ? std::chrono::seconds(0) : kAddressPatience,
                            .auth = branch.auth},
                           *leg));
  if (!branch.others.empty()) retries_.insert_or_assign(leg->id(), Retry{branch, from, from_uri, video});
  leg->note_presented(from.number, from.display_name);
  return leg;
}

// RFC 3263 section 4.3: no answer at all, no connection, or 503. A leg to the next address takes the place of that one, and its time.
bool Call::try_next_address(bridge::Leg& leg, const sip::SessionEnd& end) {
  auto node = retries_.extract(leg.id());
  const bool refused = end.cause == sip::EndCause::kRejected && end.status == 503;
  if (!node || over_ || (end.cause != sip::EndCause::kTimeout && !refused)) return false;
  for (Legs* legs : {&callees_, &candidates_, transfer_ ? &transfer_->targets : nullptr}) {
    if (legs == nullptr) continue;
    const auto place = std::find_if(legs->begin(), legs->end(), [&](const auto& l) { return l.get() == &leg; });
    if (place == legs->end()) continue;
    if (legs == &callees_ && (answered_ || !caller_ || caller_->ended())) return false;
    auto& [branch, from, from_uri, video] = node.mapped();
    branch.contact.target = branch.others.front();
    branch.others.erase(branch.others.begin());
    auto next = dial(branch, from, from_uri, video);
    if (!next) return false;
    gone_.push_back(std::exchange(*place, std::move(next)));
    return true;
  }
  return false;
}

// The next stage in which somebody can be rung; its ring time, 0: there is none left.
std::chrono::seconds Call::ring_stage(CallStages& waiting, const bridge::Party& from, const std::string& from_uri, bool video, Legs& into) {
  while (!waiting.empty()) {
    const auto stage = std::move(waiting.front());
    waiting.pop_front();
    std::chrono::seconds time{0};
    for (const auto& branch : stage) {
      auto leg = dial(branch, from, from_uri, video);
      if (!leg) continue;
      into.push_back(std::move(leg));
      time = std::max(time, branch.ring_time.count() > 0 ? branch.ring_time : config_.ring_timeout);
    }
    if (time.count() > 0) return time;
  }
  return {};
}

// False: nobody is left to be rung.
bool Call::ring_callees() {
  if (!caller_ || caller_->ended() || answered_ || over_) return false;
  const auto time = ring_stage(waiting_, caller_->party(), uri_of(*caller_), video_, callees_);
  if (time.count() == 0) return false;
  restart_ring_timer(time);
  ring_back();
  return true;
}

void Call::restart_ring_timer(std::chrono::seconds time) {
  environment_.timeline.cancel(ring_timer_);
  ring_timer_ = environment_.timeline.after(time, [this](base::TimePoint) {
    ring_timer_ = 0;
    give_up();
  });
}

// This stage; the next one, if there is one, rings when the last of it has gone.
void Call::give_up() {
  if (answered_ || over_) return;
  std::vector<bridge::Leg*> legs;
  for (auto& leg : callees_) legs.push_back(leg.get());
  for (auto& leg : candidates_) legs.push_back(leg.get());
  for (auto* leg : legs) leg->end("SIP;cause=480;text=\"No answer\"");
}

void Call::on_leg_progress(bridge::Leg& leg, const sip::Message& response) {
  if (is_target(leg)) {
    if (transfer_->notifier) transfer_->notifier->progress(response.status());
    return;
  }
  const bool candidate = std::any_of(candidates_.begin(), candidates_.end(), [&](const auto& l) { return l.get() == &leg; });
  if (candidate && response.status() > 100) return tell_plan(response.status());
  const bool callee = std::any_of(callees_.begin(), callees_.end(), [&](const auto& l) { return l.get() == &leg; });
  if (!callee || answered_ || !caller_ || caller_->ended() || response.status() == 100) return;
  // Somebody else than was dialled may ring: a forward's target, one of a group in its turn.
  const bool another = callees_.size() == 1 && !caller_->session().established() && caller_->present(identity_of(leg));
  // Early media of several branches at once would be nobody's: then the caller hears its own ringback.
  if (callees_.size() == 1 && leg.has_media()) {
    hear_early(leg);
  } else if ((!ringing_told_ || another) && !caller_->session().established()) {
    caller_->session().provisional(180);
  }
  if (std::exchange(ringing_told_, true)) return;
  repeat_progress();
  host_.on_call_changed(*this);
}

// RFC 3261 section 13.3.1.1: said again each minute, or a proxy gives the call up.
void Call::repeat_progress() {
  progress_timer_ = environment_.timeline.after(std::chrono::minutes(1), [this](base::TimePoint) {
    progress_timer_ = 0;
    if (answered_ || over_ || !caller_ || caller_->ended() || caller_->session().established()) return;
    early_told_ ? caller_->session().provisional(183, caller_answer_) : caller_->session().provisional(180);
    repeat_progress();
  });
}

// RFC 3960 section 3.1: both hear each other before the answer. The caller's answer is the one that its 200 will have.
void Call::hear_early(bridge::Leg& callee) {
  auto& session = caller_->session();
  if (!session.established()) {
    const bool offered = session.invite() && session.invite()->media_type() == "application/sdp";
    if (!offered) {                     // an unreliable 1xx can't carry our offer (RFC 3262 section 5)
      if (!ringing_told_) session.provisional(180);
      return;
    }
    if (!callee.joined()) session.provisional(183, caller_answer_);
    early_told_ = true;
  }
  hush(*caller_);
  join(*caller_);
  join(callee);
}

// An address that says nothing, or that it can't: the trunk tries its others first.
void Call::note_trunk(bridge::Leg& leg, const sip::SessionEnd& end) {
  if (leg.party().trunk.empty() || &leg == caller_.get()) return;
  if (end.cause == sip::EndCause::kTimeout) host_.on_trunk_silent(leg.party().trunk, leg.session().source().remote);
}

}  // namespace pbx
