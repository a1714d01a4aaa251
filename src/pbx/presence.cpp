#include "pbx/presence.hpp"

#include <algorithm>

#include "sip/uri.hpp"

namespace pbx {
namespace {

DialogState::State state_of(CallSide::State state) {
  switch (state) {
    case CallSide::State::kTrying: return DialogState::State::kTrying;
    case CallSide::State::kRinging: return DialogState::State::kEarly;
    case CallSide::State::kTalking: return DialogState::State::kConfirmed;
  }
  return DialogState::State::kTrying;
}

bool same(const CallSide& a, const CallSide& b) {
  return a.caller == b.caller && a.state == b.state && a.other_number == b.other_number && a.other_display == b.other_display;
}

const CallSide* find(const std::vector<CallSide>& sides, const std::string& account) {
  const auto found = std::find_if(sides.begin(), sides.end(), [&](const auto& s) { return s.account == account; });
  return found == sides.end() ? nullptr : &*found;
}

// "sip:number@host" with the host of the URI that was subscribed to.
std::string other_uri(const std::string& number, std::string_view own_uri) {
  const auto own = sip::Uri::parse(own_uri);
  if (number.empty() || !own) return {};
  return "sip:" + sip::escape_user(number) + "@" + std::string(own->host);
}

}  // namespace

Presence::Presence(Registrar& registrar, base::Timeline& timeline) : registrar_(registrar), timeline_(timeline), publications_(sip::PublicationConfig{}) {}

Presence::~Presence() {
  timeline_.cancel(publication_timer_);
  for (auto& [account, watched] : watched_) timeline_.cancel(watched.timer);
}

sip::SubscriptionHandler* Presence::subscribe(sip::Subscription& subscription, const std::string& account, const std::string& by) {
  const bool dialogs = subscription.package() == "dialog";
  if (!subscription.accepts(dialogs ? kDialogType : kPidfType)) {
    subscription.reject({.status = 406});
    return nullptr;
  }
  auto& watch = watches_[subscription.id()];
  watch = {.subscription = &subscription, .account = account, .by = by, .dialogs = dialogs};
  auto& watched = watched_[account];
  if (watched.watches.empty()) watched.last = state(account);
  watched.watches.push_back(subscription.id());
  watch_expiry(account, watched);
  subscription.accept();
  on_refresh(subscription, {});
  return this;
}

void Presence::on_refresh(sip::Subscription& subscription, std::chrono::seconds) {
  const auto found = watches_.find(subscription.id());
  if (found == watches_.end()) return;
  auto& watch = found->second;
  watch.dialogs ? notify_dialogs(watch, {}, 0) : notify_presence(watch, state(watch.account));
}

void Presence::on_terminated(sip::Subscription& subscription, const sip::SubscriptionEnd&) {
  const auto found = watches_.find(subscription.id());
  if (found == watches_.end()) return;
  const auto watched = watched_.find(found->second.account);
  std::erase(watched->second.watches, subscription.id());
  if (watched->second.watches.empty()) {
    timeline_.cancel(watched->second.timer);
    watched_.erase(watched);
  }
  watches_.erase(found);
}

// RFC 6665 section 4.1.3: who may never look again is told "rejected"; who may ask anew by another password "deactivated".
void Presence::on_revoked(const RevokedAccounts& revoked) {
  std::vector<std::pair<sip::Subscription*, std::string_view>> ending;
  for (const auto& [id, watch] : watches_) {
    const auto own = revoked.find(watch.by), other = revoked.find(watch.account);
    if (own != revoked.end()) ending.emplace_back(watch.subscription, own->second ? "rejected" : "deactivated");
    else if (other != revoked.end() && other->second) ending.emplace_back(watch.subscription, "noresource");
  }
  for (const auto& [account, gone] : revoked) {
    publications_.remove(account);
    presence_changed(account);
  }
  arm_publications();
  for (const auto& [subscription, reason] : ending) subscription->terminate(reason);
}

PresenceState Presence::state(const std::string& account) {
  PresenceState state{.open = !registrar_.find(account, timeline_.now()).empty(), .on_the_phone = false, .note = {}, .activity = {}};
  const auto published = publications_.find(account, "presence", timeline_.now());
  bool any_open = published.empty();
  for (const auto& publication : published) {   // the oldest first
    const auto said = publication.body ? read_pidf(*publication.body) : base::fail(base::ErrorCode::kMalformed);
    if (!said) continue;
    any_open |= said->open;
    state.note = said->note;
    state.activity = said->activity;
  }
  state.open = state.open && any_open;
  if (const auto dialogs = dialogs_.find(account); dialogs != dialogs_.end()) {
    state.on_the_phone = std::any_of(dialogs->second.begin(), dialogs->second.end(), [](const auto& d) { return d.second.state == CallSide::State::kTalking; });
  }
  return state;
}

sip::Reply Presence::publish(const sip::Message& request, std::string_view account) {
  if (!request.body().empty() && request.media_type() == kPidfType && !read_pidf(request.body())) return {.status = 400, .reason = "Malformed PIDF"};
  auto outcome = publications_.publish(request, account, timeline_.now());
  arm_publications();
  if (outcome.change != sip::PublicationChange::kNone) presence_changed(std::string(account));
  return std::move(outcome.reply);
}

void Presence::arm_publications() {
  timeline_.cancel(publication_timer_);
  const auto next = publications_.next_expiry();
  if (next == base::kNever) return;
  publication_timer_ = timeline_.after(std::max(base::Duration::zero(), next - timeline_.now()), [this](base::TimePoint now) {
    publication_timer_ = 0;
    const auto changed = publications_.expire(now);
    arm_publications();
    for (const auto& account : changed) presence_changed(account);
  });
}

void Presence::watch_expiry(const std::string& account, Watched& watched) {
  timeline_.cancel(watched.timer);
  const auto bindings = registrar_.find(account, timeline_.now());
  if (bindings.empty()) return;
  const auto last = std::max_element(bindings.begin(), bindings.end(), [](const auto& a, const auto& b) { return a.expires < b.expires; });
  watched.timer = timeline_.after(last->expires - timeline_.now(), [this, account](base::TimePoint) {
    if (const auto found = watched_.find(account); found != watched_.end()) found->second.timer = 0;
    presence_changed(account);
  });
}

void Presence::presence_changed(const std::string& account) {
  const auto found = watched_.find(account);
  if (found == watched_.end()) return;
  auto& watched = found->second;
  watch_expiry(account, watched);
  auto now = state(account);
  if (now == watched.last) return;
  watched.last = std::move(now);
  for (const auto id : watched.watches) {
    if (auto& watch = watches_.at(id); !watch.dialogs) notify_presence(watch, watched.last);
  }
}

void Presence::on_call_changed(const Call& call) {
  auto now = call.sides();
  const auto id = call.id();
  const auto before = calls_.contains(id) ? calls_[id] : std::vector<CallSide>{};
  now.empty() ? static_cast<void>(calls_.erase(id)) : static_cast<void>(calls_[id] = now);
  for (const auto& old : before) {
    if (find(now, old.account)) continue;
    end_dialog(old.account, id, old);
  }
  for (const auto& side : now) {
    const auto* old = find(before, side.account);
    if (old && same(*old, side)) continue;
    dialogs_[side.account].insert_or_assign(id, side);
    dialogs_changed(side.account, {}, id);
  }
}

void Presence::on_room_changed(bridge::BridgeId room, const std::string& name, const std::string& account, bool joined) {
  const CallSide side{.account = account, .caller = true, .state = CallSide::State::kTalking, .other_number = name, .other_display = name};
  const auto key = std::pair(room.value, account);
  if (joined) {
    if (++in_rooms_[key] > 1) return;
    dialogs_[account].insert_or_assign(room.value, side);
    return dialogs_changed(account, {}, room.value);
  }
  const auto found = in_rooms_.find(key);
  if (found == in_rooms_.end() || --found->second > 0) return;
  in_rooms_.erase(found);
  end_dialog(account, room.value, side);
}

void Presence::end_dialog(const std::string& account, std::uint64_t id, const CallSide& last) {
  auto& its = dialogs_[account];
  its.erase(id);
  if (its.empty()) dialogs_.erase(account);
  dialogs_changed(account, {last}, id);
}

void Presence::dialogs_changed(const std::string& account, const std::vector<CallSide>& ended, std::uint64_t call) {
  const auto found = watched_.find(account);
  if (found == watched_.end()) return;
  for (const auto id : found->second.watches) {
    if (auto& watch = watches_.at(id); watch.dialogs) notify_dialogs(watch, ended, call);
  }
  presence_changed(account);
}

void Presence::notify_presence(Watch& watch, const PresenceState& state) {
  static_cast<void>(watch.subscription->notify(kPidfType, base::share(write_pidf(watch.subscription->local_uri(), state))));
}

// The whole state each time; a dialog that has just ended is told once.
void Presence::notify_dialogs(Watch& watch, const std::vector<CallSide>& ended, std::uint64_t call) {
  const auto& uri = watch.subscription->local_uri();
  std::vector<DialogState> all;
  const auto add = [&](std::uint64_t id, const CallSide& side, DialogState::State state) {
    all.push_back({.id = "call" + std::to_string(id), .initiator = side.caller, .state = state,
                   .remote_uri = other_uri(side.other_number, uri), .remote_display = side.other_display});
  };
  for (const auto& side : ended) add(call, side, DialogState::State::kTerminated);
  if (const auto dialogs = dialogs_.find(watch.account); dialogs != dialogs_.end()) {
    for (const auto& [id, side] : dialogs->second) add(id, side, state_of(side.state));
  }
  static_cast<void>(watch.subscription->notify(kDialogType, base::share(write_dialog_info(uri, watch.version++, all))));
}

}  // namespace pbx
