// What programs ask of the PBX and are told of it.
#include "pbx/pbx.hpp"

namespace pbx {

void Pbx::set_observer(PbxObserver& observer) {
  observer_ = &observer;
  rooms_.set_observer(&observer);
}

void Pbx::on_call_changed(const Call& call) {
  presence_.on_call_changed(call);
  tell_observer(call);
}

// Written once, when it is over. The store logs what it can't write; calls go on.
void Pbx::record(const CallInfo& call) {
  auto* store = config_.rooms.store;
  if (!store) return;
  const auto now = environment_.timeline.wall();
  const auto uri = [this](const CallInfo::Side& side) { return "sip:" + sip::escape_user(side.number) + "@" + config_.realm; };
  const auto leg = [&](const CallInfo::Side& side) {
    return store::CallLeg{.participant = {}, .account = side.account, .uri = uri(side), .display_name = side.display_name, .start = call.started,
                          .answer = call.answered, .end = now, .status = call.status, .cause = {}};
  };
  store::CallRecord record{.id = call.id, .kind = store::CallKind::kCall, .from_uri = uri(call.from), .from_display = call.from.display_name, .to_uri = uri(call.to),
                           .start = call.started, .answer = call.answered, .end = now, .status = call.status,
                           .cause = std::string(call.answered ? "answered" : sip::reason_phrase(call.status)), .legs = {leg(call.from), leg(call.to)}};
  const auto queued = store->put_call(std::move(record), [](base::Result<void>) {});
  static_cast<void>(queued);
}

// Each state once; a call that was refused at once is none.
void Pbx::tell_observer(const Call& call) {
  if (!observer_ && !config_.rooms.store) return;
  const auto info = call.info();
  const auto told = told_.find(&call);
  if (info.state == CallInfo::State::kEnded) {
    if (told == told_.end()) return;
    told_.erase(told);
    record(info);
  } else {
    if (told != told_.end() && told->second == info.state) return;
    told_[&call] = info.state;
  }
  if (observer_) observer_->on_call(info);
}

base::Result<CallInfo> Pbx::originate(const std::string& from, const std::string& to) {
  const auto contacts_of = [this](const std::string& number) {
    return accounts_.find(number) ? registrar_.find(number, environment_.timeline.now()) : std::vector<Binding>{};
  };
  for (const auto& number : {from, to}) {
    if (contacts_of(number).empty()) return base::fail(base::ErrorCode::kNotFound, "nobody can be reached at " + sip::quote(number));
  }
  if (calls_.size() >= config_.max_calls) return base::fail(base::ErrorCode::kUnavailable, "there are too many calls");
  const auto uri = [this](const std::string& number) { return "sip:" + sip::escape_user(number) + "@" + config_.realm; };
  auto call_config = config_.call;
  if (webphone_.find(from) || webphone_.find(to)) call_config.ring_timeout = config_.webphone_ring_timeout;
  auto call = std::make_unique<Call>(environment_, *agent_, call_config, *this);
  auto& ref = *call;
  calls_.emplace(call.get(), std::move(call));
  const bool rings = ref.originate({.caller = party_of(*accounts_.find(from)), .callee = party_of(*accounts_.find(to)), .contacts = contacts_of(from),
                                    .callee_contacts = [contacts_of, to] { return contacts_of(to); }, .caller_uri = uri(from), .callee_uri = uri(to)});
  if (!rings) return base::fail(base::ErrorCode::kUnavailable, "no media for another call");
  return ref.info();
}

std::vector<CallInfo> Pbx::list_calls() const {
  std::vector<CallInfo> result;
  for (const auto& [key, call] : calls_) {
    if (auto info = call->info(); info.state != CallInfo::State::kEnded) result.push_back(std::move(info));
  }
  std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.started != b.started ? a.started < b.started : a.id < b.id; });
  return result;
}

bool Pbx::hang_up(std::string_view call_id) {
  for (auto& [key, call] : calls_) {
    const auto info = call->info();
    if (info.id != call_id || info.state == CallInfo::State::kEnded) continue;
    call->end_all("SIP;cause=200;text=\"Ended from outside\"");
    return true;
  }
  return false;
}

}  // namespace pbx
