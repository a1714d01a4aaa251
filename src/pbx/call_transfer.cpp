// One of the two gives its place to somebody else: blind transfers by REFER (RFC 3515, RFC 5589) or by programs, and contacts
// that forward.
#include "base/text.hpp"
#include "pbx/call.hpp"

namespace pbx {
namespace {

constexpr int kMaxForwards = 5;
constexpr std::size_t kMaxTold = 8;                  // transfers of one call whose end is still being told
constexpr std::chrono::seconds kLastWord{2};         // for the NOTIFY of a transfer's end to be answered

// "" : not a number of ours.
std::string number_of(std::string_view uri_text) {
  const auto uri = sip::Uri::parse(uri_text);
  return uri && uri->is_sip() ? sip::unescape(uri->user) : std::string();
}

}  // namespace

void Call::on_leg_request(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) {
  if (request->method() == sip::Method::kRefer) return refer(leg, id, request);
  if (request->method() == sip::Method::kSubscribe) {
    for (auto& told : told_) {
      if (told.leg == &leg && told.notifier->on_subscribe(id, *request)) return;
    }
    return leg.session().respond(id, {.status = 481});
  }
  LegOwner::on_leg_request(leg, id, request);
}

void Call::refer(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) {
  const auto refuse = [&](int status, std::string reason = {}) { leg.session().respond(id, {.status = status, .reason = std::move(reason)}); };
  std::erase_if(told_, [](const auto& told) { return !told.notifier->active(); });
  const bool party = &leg == caller_.get() || &leg == answered_;   // not one who listens
  if (!answered_ || !caller_ || !leg.joined() || !party) return refuse(403, "Not In A Call Yet");
  if (transfer_) return refuse(491);
  if (told_.size() >= kMaxTold) return refuse(503);
  const auto wanted = sip::parse_refer(*request);
  if (!wanted) return leg.session().respond(id, wanted.error());
  if (wanted->bye) return refuse(403, "Only INVITE Can Be Referred");
  const auto number = number_of(wanted->target);
  if (number.empty() && !wanted->replaces) return refuse(404);
  auto notifier = std::make_shared<sip::ReferNotifier>(leg.session(), environment_.timeline, id, *request, *wanted);
  told_.push_back({&leg, notifier});
  if (wanted->replaces) return refer_attended(leg, *wanted->replaces, std::move(notifier));
  const auto target = host_.find_target(leg.party(), number);
  const int status = begin_transfer(leg, target, notifier);
  if (status != 202) notifier->finish(status);
}

// 202: it is under way, or done; else why not.
int Call::begin_transfer(bridge::Leg& transferor, const CallTarget& target, std::shared_ptr<sip::ReferNotifier> notifier) {
  auto& stays = &transferor == caller_.get() ? *answered_ : *caller_;
  if (!target.ok()) return target.status;
  if (!target.party.account.empty() && target.party.account == stays.party().account) return 482;   // a call to oneself
  if (target.kind != CallTarget::Kind::kBranches) {
    // Whoever answers there answers at once: the party goes there as it is.
    const int status = host_.place(target, [&] { return detach(stays); });
    if (status != 200) return status;
    if (notifier) notifier->finish(200);
    let_go(transferor, notifier != nullptr);
    return 202;
  }
  open_transfer(transferor, target.party, std::move(notifier));
  if (ring_target(target)) return 202;
  transfer_.reset();
  return 488;
}

void Call::open_transfer(bridge::Leg& transferor, bridge::Party party, std::shared_ptr<sip::ReferNotifier> notifier) {
  transfer_ = std::make_unique<Transfer>();
  transfer_->transferor = &transferor;
  transfer_->of_caller = &transferor == caller_.get();
  transfer_->stays = transfer_->of_caller ? answered_ : caller_.get();
  transfer_->notifier = std::move(notifier);
  transfer_->party = std::move(party);
}

int Call::transfer(bool caller_stays, const CallTarget& target) {
  if (!answered_ || !caller_ || caller_->ended() || answered_->ended() || !caller_->joined()) return 409;
  if (transfer_) return 409;
  return begin_transfer(caller_stays ? *answered_ : *caller_, target, nullptr);
}

bool Call::has_party(bool caller, std::string_view number) const {
  const auto* leg = caller ? caller_.get() : answered_;
  return leg && !leg->ended() && leg->party().number == number;
}

// Its first stage; without branches, the next one. False: nobody is left to be rung.
bool Call::ring_target(const CallTarget& target) {
  auto& stays = *transfer_->stays;
  if (stays.ended()) return false;
  if (!target.branches.empty()) transfer_->waiting = stages_of(target.branches);
  const auto patience = ring_stage(transfer_->waiting, stays.party(), uri_of(stays), !stays.sources().empty(), transfer_->targets);
  if (patience.count() == 0) return false;
  await_targets(patience);
  return true;
}

void Call::await_targets(std::chrono::seconds patience) {
  environment_.timeline.cancel(transfer_->timer);
  transfer_->timer = environment_.timeline.after(patience, [this](base::TimePoint) {
    transfer_->timer = 0;
    std::vector<bridge::Leg*> legs;
    for (auto& leg : transfer_->targets) legs.push_back(leg.get());
    for (auto* leg : legs) leg->end("SIP;cause=480;text=\"No answer\"");
  });
}

bool Call::is_target(const bridge::Leg& leg) const {
  return transfer_ && std::any_of(transfer_->targets.begin(), transfer_->targets.end(), [&](const auto& l) { return l.get() == &leg; });
}

// RFC 5589 section 6.1: who was left speaks with the target now; the transferor is told, and leaves.
void Call::on_target_established(bridge::Leg& leg) {
  const auto transfer = std::exchange(transfer_, nullptr);
  environment_.timeline.cancel(transfer->timer);
  std::unique_ptr<bridge::Leg> own;
  std::vector<bridge::Leg*> losers;
  for (auto& each : transfer->targets) {
    if (each.get() == &leg) {
      own = std::move(each);
    } else {
      losers.push_back(each.get());
      gone_.push_back(std::move(each));
    }
  }
  auto* old = transfer->transferor;
  if (old) {
    drop_successors_of(*old);
    release(*old);
    bridge_.remove(*old);
  }
  auto& info = transfer->of_caller ? info_.from : info_.to;
  info = {leg.party().number, leg.party().display_name, leg.party().account};
  if (transfer->of_caller) {
    if (auto retired = std::exchange(caller_, std::move(own))) gone_.push_back(std::move(retired));
  } else {
    const auto place = std::find_if(callees_.begin(), callees_.end(), [&](const auto& l) { return old && l.get() == old; });
    if (place != callees_.end()) {
      gone_.push_back(std::exchange(*place, std::move(own)));
    } else {
      callees_.push_back(std::move(own));
    }
    answered_ = &leg;
  }
  if (!old) hush(*transfer->stays);
  bridge_.add(leg);
  if (held_from_outside_) hold_from_outside(leg);
  update_music();
  if (transfer->notifier) transfer->notifier->finish(200);
  if (old) let_go(*old, transfer->notifier != nullptr);
  for (auto* loser : losers) loser->end("SIP;cause=200;text=\"Call completed elsewhere\"");
  note_legs();
  host_.on_call_changed(*this);
}

// The call goes on as it was, if the transferor is still there.
void Call::fail_transfer(int status) {
  const auto transfer = std::exchange(transfer_, nullptr);
  environment_.timeline.cancel(transfer->timer);
  if (transfer->notifier) transfer->notifier->finish(status);
  if (!transfer->transferor && !transfer->stays->ended()) transfer->stays->end(fmt::format("SIP;cause={}", status));
}

bool Call::on_target_ended(const bridge::Leg& leg, const sip::SessionEnd& end) {
  if (!is_target(leg)) return false;
  auto& targets = transfer_->targets;
  const auto own = std::find_if(targets.begin(), targets.end(), [&](const auto& l) { return l.get() == &leg; });
  gone_.push_back(std::move(*own));
  targets.erase(own);
  const int status = end.cause == sip::EndCause::kRejected && end.status >= 400 ? end.status : 480;
  transfer_->best_failure = better_failure(transfer_->best_failure, status);
  if (targets.empty() && !ring_target({})) fail_transfer(transfer_->best_failure);
  return true;
}

// A transferor need not wait for the outcome (RFC 5589 section 6.1): true when its place is kept for the target.
bool Call::leave_to_target(const bridge::Leg& leg) {
  if (!transfer_ || transfer_->transferor != &leg || transfer_->stays->ended()) return false;
  transfer_->transferor = nullptr;
  release(leg);
  if (transfer_->of_caller) {
    gone_.push_back(std::move(caller_));
  } else {
    const auto place = std::find_if(callees_.begin(), callees_.end(), [&](const auto& l) { return l.get() == &leg; });
    gone_.push_back(std::move(*place));
    callees_.erase(place);
    answered_ = nullptr;
  }
  play(*transfer_->stays, {.kind = bridge::Sound::Kind::kRingback, .file = {}});   // alone until somebody answers
  note_legs();
  host_.on_call_changed(*this);
  return true;
}

// With his news first, where he is told any.
void Call::let_go(bridge::Leg& transferor, bool told) {
  told ? end_soon(transferor) : transferor.end("SIP;cause=200;text=\"Transferred\"");
}

void Call::end_soon(bridge::Leg& leg) {
  environment_.timeline.after(kLastWord, [environment = &environment_, id = leg.id()](base::TimePoint) {
    const auto found = environment->legs.find(id);
    if (found != environment->legs.end() && !found->second->ended()) found->second->end("SIP;cause=200;text=\"Transferred\"");
  });
}

// Its session goes: nothing can be told by it any more.
void Call::forget_told(const bridge::Leg& leg) {
  for (const auto& told : told_) {
    if (told.leg == &leg && transfer_ && transfer_->notifier == told.notifier) transfer_->notifier.reset();
  }
  std::erase_if(told_, [&](const auto& told) { return told.leg == &leg; });
}

// A contact that answers 302 is forwarded by its owner: the other number rings instead of all that the owner has (RFC 3261
// section 8.1.3.4).
bool Call::forward(const bridge::Leg& leg, const sip::SessionEnd& end) {
  if (end.cause != sip::EndCause::kRejected || end.status / 100 != 3 || !caller_ || caller_->ended() || over_) return false;
  const auto number = number_of(end.redirect);
  if (number.empty() || ++forwards_ > kMaxForwards) return false;
  const auto target = host_.find_target(leg.party(), number);
  if (!target.ok()) {
    best_failure_ = better_failure(best_failure_, target.status);
    return false;
  }
  const auto retire = [&] {
    const auto own = std::find_if(callees_.begin(), callees_.end(), [&](const auto& l) { return l.get() == &leg; });
    gone_.push_back(std::move(*own));
    callees_.erase(own);
  };
  if (target.kind != CallTarget::Kind::kBranches) {
    retire();
    lead_caller(target);
    return true;
  }
  std::vector<bridge::Leg*> others;
  for (auto& each : callees_) {
    if (each.get() != &leg && each->party().account == leg.party().account) others.push_back(each.get());
  }
  auto stages = stages_of(target.branches);
  const auto time = ring_stage(stages, caller_->party(), uri_of(*caller_), video_, callees_);
  if (time.count() == 0) return false;
  waiting_.insert(waiting_.begin(), std::make_move_iterator(stages.begin()), std::make_move_iterator(stages.end()));
  retire();
  for (auto* other : others) other->end("SIP;cause=302;text=\"Forwarded\"");
  restart_ring_timer(time);
  host_.on_call_changed(*this);
  return true;
}

}  // namespace pbx
