// What programs ask of the PBX and are told of it.
#include "pbx/pbx.hpp"

namespace pbx {

void Pbx::set_observer(PbxObserver& observer) {
  observer_ = &observer;
  room_watch_.set_next(observer);
}

void Pbx::on_call_changed(const Call& call) {
  presence_.on_call_changed(call);
  if (const auto own = calls_.find(&call); own != calls_.end()) queues_.on_call_changed(*own->second);
  const auto info = call.info();
  const auto* caller = webphone_.find(info.from.number);
  sessions_.on_call_changed(info, {.pickup = call.pickup(), .properties = caller && !caller->extension ? &caller->properties : nullptr, .texts = call.kept_texts()});
  tell_observer(call);
}

// Written once, when it is over. The store logs what it can't write; calls go on.
void Pbx::record(const CallInfo& call) {
  auto* store = config_.rooms.store;
  if (!store) return;
  const auto now = environment_.timeline.wall();
  const auto uri = [this](const CallInfo::Side& side) { return uri_of(side.number); };
  const auto leg = [&](const CallInfo::Side& side, base::WallTime start, std::optional<base::WallTime> answered, base::WallTime left) {
    return store::CallLeg{.participant = {}, .account = side.account, .uri = uri(side), .display_name = side.display_name, .start = start,
                          .answer = answered, .end = left, .status = call.status, .cause = {}};
  };
  // Whoever was in it; of one that nobody answered, or a service or a queue has, the two that it is of.
  std::vector<store::CallLeg> legs;
  for (const auto& each : call.legs) legs.push_back(leg(each.side, legs.size() < 2 ? call.started : each.answered, each.answered, each.left.value_or(now)));
  if (legs.empty()) legs.push_back(leg(call.from, call.started, call.answered, now));
  if (legs.size() == 1) legs.push_back(leg(call.to, call.started, call.answered, now));
  store::CallRecord record{.id = call.id, .kind = call.queue.empty() ? store::CallKind::kCall : store::CallKind::kQueue, .from_uri = uri(call.from), .from_display = call.from.display_name, .to_uri = uri_of(call.dialled),
                           .start = call.started, .answer = call.answered, .end = now, .status = call.status,
                           .cause = std::string(call.answered ? "answered" : sip::reason_phrase(call.status)), .legs = std::move(legs)};
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

// Both by the dial plan, as somebody trusted: `from` is rung first.
base::Result<CallInfo> Pbx::originate(const std::string& from, const std::string& to) {
  const DialCaller api{.kind = DialCaller::Kind::kApi, .name = {}, .line = {}};
  const auto unreachable = [](const std::string& number) { return base::fail(base::ErrorCode::kNotFound, "nobody can be reached at " + sip::quote(number)); };
  auto caller = resolve(api, {}, from);
  if (caller.kind != CallTarget::Kind::kBranches) return unreachable(from);
  auto callee = resolve(api, caller.party, to);
  callee.party.trunk_use.reset();   // it is called when the caller has answered
  if (!callee.ok()) return unreachable(to);
  if (calls_.size() >= config_.max_calls) return base::fail(base::ErrorCode::kUnavailable, "there are too many calls");
  auto& call = add_call();
  const auto find_callee = [this, api, by = caller.party, to] { return resolve(api, by, to); };
  const bool rings = call.originate({.caller = std::move(caller), .callee = callee.party, .callee_uri = callee.uri, .find_callee = find_callee});
  if (!rings) return base::fail(base::ErrorCode::kUnavailable, "no media for another call");
  return call.info();
}

std::vector<CallInfo> Pbx::list_calls() const {
  std::vector<CallInfo> result;
  for (const auto& [key, call] : calls_) {
    if (auto info = call->info(); info.state != CallInfo::State::kEnded) result.push_back(std::move(info));
  }
  std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.started != b.started ? a.started < b.started : a.id < b.id; });
  return result;
}

base::Result<CallInfo> Pbx::transfer(std::string_view call_id, const std::string& party, const std::string& to) {
  for (auto& [key, call] : calls_) {
    const auto info = call->info();
    if (info.id != call_id || info.state == CallInfo::State::kEnded) continue;
    const bool of_caller = party == "from" || (party != "to" && call->has_party(true, party));
    if (party != "from" && party != "to" && !of_caller && !call->has_party(false, party)) {
      return base::fail(base::ErrorCode::kNotFound, sip::quote(party) + " is no party of the call");
    }
    const int status = call->transfer(of_caller, resolve({.kind = DialCaller::Kind::kApi, .name = {}, .line = {}}, {}, to));
    if (status == 202) return call->info();
    if (status == 409) return base::fail(base::ErrorCode::kConflict, "the call is not answered, or is being transferred");
    if (status == 482) return base::fail(base::ErrorCode::kConflict, "that would be a call to oneself");
    return base::fail(base::ErrorCode::kNotFound, "nobody can be reached at " + sip::quote(to));
  }
  return base::fail(base::ErrorCode::kNotFound, "no such call");
}

void Pbx::message_by_api(const std::string& sender, const std::string& to, const sip::MessagePtr& message, Messages::Answer answer) {
  const auto* callee = accounts_.find(to);
  if (!callee) return answer({.status = 404});
  if (const auto refusal = messages_.refuse(sender, *message)) return answer(*refusal);
  const auto* client = webphone_.find(to);
  const bool may_wait = !client || client->extension;
  messages_.send({.name = sender, .display_name = {}, .hashes = {}}, callee->name, may_wait, message, std::move(answer));
}

bool Pbx::has_call(std::string_view call_id) const {
  return std::any_of(calls_.begin(), calls_.end(), [&](const auto& entry) {
    const auto info = entry.second->info();
    return info.id == call_id && info.state != CallInfo::State::kEnded;
  });
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
