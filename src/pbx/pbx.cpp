#include "pbx/pbx.hpp"

#include "base/random.hpp"
#include "base/text.hpp"

namespace pbx {
namespace {

constexpr std::size_t kMaxRates = 20000;

bool is_websocket(const sip::Source& source) { return source.transport == sip::Transport::kWs || source.transport == sip::Transport::kWss; }

// A challenge for a right answer to an old nonce is nobody's fault (RFC 7616 section 3.3).
bool is_stale(const sip::Reply& reply) {
  return std::any_of(reply.headers.begin(), reply.headers.end(), [](const auto& h) { return h.second.find("stale=true") != std::string::npos; });
}

}  // namespace

Pbx::Pbx(PbxConfig config, bridge::LegEnvironment& environment, Accounts& accounts)
    : config_(std::move(config)), environment_(environment), accounts_(accounts), authenticator_(config_.realm, config_.authentication),
      registrar_(config_.registrar), webphone_(config_.lines, config_.tokens, config_.realm, accounts, environment.timeline),
      roster_(webphone_, environment.timeline), presence_(registrar_, environment.timeline),
      messages_(config_.messages, environment.timeline, registrar_, config_.rooms.store),
      trunks_(config_.trunks, environment.timeline, config_.resolve), rooms_(environment, config_.rooms), queues_(config_.queues, environment.timeline, *this),
      sessions_(environment.timeline, [this](const std::string& account) { return session_scope(account); }) {
  if (auto plan = DialPlan::make(config_.dial_plan)) dial_plan_ = std::move(*plan);
  rooms_.set_observer(&room_watch_);
  rooms_.set_dialer(this);
  room_watch_.on_closed([this](const conference::Room& room) { on_room_closed(room); });
  messages_.set_domain(config_.realm);
  registrar_.set_listener(*this);
  webphone_.set_listener(*this);
  webphone_.set_supervisors(config_.supervisors);
}

Pbx::~Pbx() { environment_.timeline.cancel(sweep_timer_); }

bridge::Party Pbx::new_party() {
  return {.participant = base::random_token(10), .account = {}, .display_name = {}, .number = {}, .resume_token = base::random_token(32)};
}

void Pbx::end_all(std::string_view reason) {
  rooms_.end_all(reason);
  std::vector<Call*> calls;
  for (auto& [key, call] : calls_) calls.push_back(call.get());
  for (auto* call : calls) call->end_all(reason);
}

bool Pbx::over_rate(const sip::Source& source) {
  if (config_.requests_per_second <= 0 || source.remote.is_loopback()) return false;
  if (rates_.size() >= kMaxRates) rates_.clear();
  auto& bucket = rates_.try_emplace(source.remote.network(), config_.requests_per_second, config_.request_burst).first->second;
  return !bucket.take(environment_.timeline.now());
}

// With `always`, a guest is refused too; a request that brings credentials is held against them in any case.
void Pbx::note_wrong_password(const sip::Source& source) {
  if (config_.wrong_passwords_per_minute <= 0 || source.remote.is_loopback()) return;
  if (wrong_passwords_.size() >= kMaxRates) wrong_passwords_.clear();
  const auto per_minute = config_.wrong_passwords_per_minute;
  auto& bucket = wrong_passwords_.try_emplace(source.remote.network(), per_minute / 60, per_minute).first->second;
  if (!bucket.take(environment_.timeline.now()) && report_abuse_) report_abuse_(source.remote);
}

Pbx::Caller Pbx::identify(const sip::Message& request, const sip::Source& source, bool always) {
  const auto user = sip::unescape(request.from().uri.user);
  const bool claims_account = accounts_.find(user) != nullptr;
  const bool brings_credentials = request.find(sip::HeaderId::kAuthorization) != nullptr;
  if (!always && config_.guests && !claims_account && !brings_credentials) return {};
  auto outcome = authenticator_.authenticate(request, accounts_, environment_.timeline.now());
  if (!outcome) {
    if (brings_credentials && !is_stale(outcome.error())) note_wrong_password(source);
    return {.account = nullptr, .refusal = std::move(outcome.error())};
  }
  // What others are told of the caller is what was proven (survival item 3).
  if ((*outcome)->name != user) return {.account = nullptr, .refusal = sip::Reply{.status = 403, .reason = "From Is Not The Authenticated Account"}};
  return {.account = *outcome, .refusal = std::nullopt};
}

bridge::Party Pbx::party_of(const sip::Message& invite, const Account* account) const {
  auto party = new_party();
  const auto user = base::clean_display_name(sip::unescape(invite.from().uri.user));
  party.account = account ? account->name : std::string();
  party.number = account ? account->name : user;
  party.display_name = base::clean_display_name(invite.from().display());
  if (party.display_name.empty() && account) party.display_name = account->display_name;
  if (party.display_name.empty()) party.display_name = user;
  return party;
}

sip::SessionHandler* Pbx::on_invite(sip::Session& session, const sip::MessagePtr& invite, const sip::Source& source) {
  if (over_rate(source) || environment_.pending >= config_.max_pending) {
    session.reject({.status = 503, .headers = {{"Retry-After", "2"}}});
    return nullptr;
  }
  // A page that proves to be a participant that is still there needs no other proof. One that goes on to another room with
  // a token of the last is an ordinary caller there.
  const auto token = invite->value("Parley-Resume");
  if (auto* room = rooms_.holding(token)) {
    const auto dialled = sip::unescape(invite->request_uri().user);
    const bool same = conference::Rooms::key_of(conference::Rooms::clean_name(dialled)) == conference::Rooms::key_of(room->name());
    if (same || dialled == kDefaultTarget || room->has_adopted(token)) return room->resume(session, *invite, token);
  }
  if (!token.empty()) {
    for (auto& [key, call] : calls_) {
      if (call->holds(token)) return call->resume(session, *invite, token);
    }
  }
  if (const auto* trunk = trunks_.identify(*invite, source)) return route_from_trunk(session, *invite, *trunk);
  auto caller = identify(*invite, source, false);
  if (caller.refusal) {
    session.reject(*caller.refusal);
    return nullptr;
  }
  // One that a page says with its token is the token's affair, which was of no call any more.
  if (token.empty() && invite->find(sip::HeaderId::kReplaces)) return replace(session, *invite, caller);
  return route(session, *invite, caller);
}

sip::SessionHandler* Pbx::route(sip::Session& session, const sip::Message& invite, const Caller& caller) {
  const auto refuse = [&](int status, std::string reason = {}) {
    session.reject({.status = status, .reason = std::move(reason)});
    return nullptr;
  };
  if (!invite.request_uri().is_sip()) return refuse(416);
  const auto dialled = sip::unescape(invite.request_uri().user);
  if (dialled.empty()) return refuse(404, "No User In The Request-URI");
  auto party = party_of(invite, caller.account);
  const auto* client = caller.account ? webphone_.find(caller.account->name) : nullptr;
  party.webphone = client && (!client->extension || is_websocket(session.source()));
  if (client && !client->extension) party.may_message = client->may.message;
  if (Queues::is_pickup(dialled)) return take_from_queue(session, invite, std::move(party), dialled);
  auto target = resolve(dial_caller(party), party, dialled);
  return connect(session, invite, std::move(party), std::move(target));
}

sip::SessionHandler* Pbx::connect(sip::Session& session, const sip::Message& invite, bridge::Party party, CallTarget target) {
  const auto refuse = [&](int status, std::string reason = {}) {
    session.reject({.status = status, .reason = std::move(reason)});
    return nullptr;
  };
  switch (target.kind) {
    case CallTarget::Kind::kRefused: return refuse(target.status, std::move(target.reason));
    case CallTarget::Kind::kQueue: return enter_queue(session, invite, std::move(party), target.name);
    case CallTarget::Kind::kRoom: {
      auto* room = rooms_.find_or_create(target.name);
      return room ? room->invite(session, invite, std::move(party)) : refuse(503, "Too Many Rooms");
    }
    case CallTarget::Kind::kBranches:
    case CallTarget::Kind::kService: break;
  }
  if (calls_.size() >= config_.max_calls) return refuse(503);
  return add_call().start(session, invite, std::move(party), std::move(target));
}

// A call takes another's place (RFC 3891): an account's, who knows that dialog's ids, and may call whom it gets.
sip::SessionHandler* Pbx::replace(sip::Session& session, const sip::Message& invite, const Caller& caller) {
  const auto refuse = [&](sip::Reply reply) {
    session.reject(reply);
    return nullptr;
  };
  if (!caller.account) return refuse({.status = 403});
  const auto found = sip::find_replaced(*agent_, invite);
  if (found.refusal) return refuse(*found.refusal);
  bridge::Leg* old = nullptr;
  for (const auto& [id, leg] : environment_.legs) {
    if (leg->is_of(*found.session)) old = leg;
  }
  auto* call = old ? dynamic_cast<Call*>(&old->owner()) : nullptr;
  auto* room = old ? dynamic_cast<conference::Room*>(&old->owner()) : nullptr;
  if (!call && !room) return refuse({.status = 481});
  auto party = party_of(invite, caller.account);
  const auto* client = webphone_.find(caller.account->name);
  party.webphone = client && (!client->extension || is_websocket(session.source()));
  if (client && !client->extension) {
    party.may_message = client->may.message;
    const auto info = call ? call->info() : CallInfo{};
    const auto& other = room ? room->name() : call->has_party(true, old->party().number) ? info.to.number : info.from.number;
    const auto target = resolve(dial_caller(party), party, other);
    if (!target.ok() || (room && target.kind != CallTarget::Kind::kRoom)) return refuse({.status = 403});
  }
  if (room) return room->replace(session, invite, std::move(party), *old);
  return call->replace(session, invite, std::move(party), *old);
}

int Pbx::place(const CallTarget& target, const std::function<std::unique_ptr<bridge::Leg>()>& take) {
  switch (target.kind) {
    case CallTarget::Kind::kRoom: {
      auto* room = rooms_.find_or_create(target.name);
      if (!room) return 503;
      if (!room->has_place()) return 486;
      auto leg = take();
      leg->present({room->name(), room->name(), uri_of(room->name())});
      room->adopt(std::move(leg));
      return 200;
    }
    case CallTarget::Kind::kService: {
      if (calls_.size() >= config_.max_calls) return 503;
      add_call().adopt(take(), target);
      return 200;
    }
    case CallTarget::Kind::kQueue: return place_in_queue(target.name, take);
    default: return 480;
  }
}

Call& Pbx::add_call() {
  auto config = config_.call;
  config.realm = config_.realm;
  config.music = config_.music;
  auto call = std::make_unique<Call>(environment_, *agent_, std::move(config), *this);
  auto& added = *call;
  calls_.emplace(&added, std::move(call));
  return added;
}

void Pbx::on_reachable(std::string_view account) {
  webphone_.on_registered(account);
  presence_.on_reachability(std::string(account));
  messages_.on_reachable(account);
}

bridge::Party Pbx::party_of(const Account& callee) const {
  auto party = new_party();
  party.account = party.number = callee.name;
  party.display_name = callee.display_name.empty() ? callee.name : callee.display_name;
  const auto* client = webphone_.find(callee.name);
  party.webphone = client != nullptr;
  party.may_message = client == nullptr || client->may.message;
  return party;
}

// The call is on the stack: it goes in the next turn.
void Pbx::on_call_over(Call& call) {
  queues_.on_call_over(call);
  into_rooms_.erase(&call);
  sessions_.on_call_changed(call.info(), {});
  tell_observer(call);
  over_.push_back(&call);
  if (sweep_timer_ != 0) return;
  sweep_timer_ = environment_.timeline.after(base::Duration::zero(), [this](base::TimePoint) {
    sweep_timer_ = 0;
    for (const auto* over : std::exchange(over_, {})) calls_.erase(over);
  });
}

void Pbx::on_request(sip::RequestId id, const sip::MessagePtr& request, const sip::Source& source) {
  if (over_rate(source)) return agent_->respond(id, {.status = 503, .headers = {{"Retry-After", "2"}}});
  if (request->method() == sip::Method::kMessage) return take_message(id, request, source);
  agent_->respond(id, answer_request(*request, source));
}

// MESSAGE outside a call, from an account (spec B.6): to another's contacts, or into a room as from inside.
void Pbx::take_message(sip::RequestId id, const sip::MessagePtr& message, const sip::Source& source) {
  const auto caller = identify(*message, source, true);
  if (caller.refusal) return agent_->respond(id, *caller.refusal);
  if (!message->request_uri().is_sip()) return agent_->respond(id, {.status = 416});
  if (const auto refusal = messages_.refuse(caller.account->name, *message)) return agent_->respond(id, *refusal);
  const auto answer = [this, id](const sip::Reply& reply) { agent_->respond(id, reply); };
  const auto to = sip::unescape(message->request_uri().user);
  const auto* client = webphone_.find(caller.account->name);
  const auto* line = client ? webphone_.find_line(client->line) : nullptr;
  if (client && (!client->may.message || (!client->room.empty() && conference::Rooms::key_of(to) != conference::Rooms::key_of(client->room)))) {
    return answer({.status = 403});
  }
  if (const auto* callee = accounts_.find(to)) {
    const auto* other = webphone_.find(to);
    const bool page = other && !other->extension;
    if (line && !(page ? line->call_clients : line->call_accounts)) return answer({.status = 403});
    return messages_.send(*caller.account, callee->name, !page, message, answer);
  }
  auto* room = rooms_.find(conference::Rooms::clean_name(to));
  if (!room) return answer({.status = 404});
  if (line && !line->call_rooms) return answer({.status = 403});
  room->message_from_outside(party_of(*message, caller.account), message, answer);
}

sip::Reply Pbx::answer_request(const sip::Message& request, const sip::Source& source) {
  using sip::Method;
  // OPTIONS says the same of everybody: nothing about accounts (survival item 1).
  if (request.method() == Method::kOptions) {
    return {.status = 200, .headers = {{"Accept", "application/sdp"}, {"Accept-Encoding", "identity"}, {"Accept-Language", "en"}}};
  }
  if (request.method() == Method::kRegister) {
    const auto user = sip::unescape(request.to().uri.user);
    if (registrar_.signs_off(user, request, source)) return registrar_.handle(user, request, source, environment_.timeline.now());
    // A page that was away for too long: no challenge would help it, and it is no attack.
    if (webphone_.is_gone(user) && accounts_.find(user) == nullptr) return {.status = 404, .reason = "Signed Off"};
  }
  auto caller = identify(request, source, true);
  if (caller.refusal) return std::move(*caller.refusal);
  switch (request.method()) {
    case Method::kRegister:
      if (sip::unescape(request.to().uri.user) != caller.account->name) return {.status = 403, .reason = "Not Your Address Of Record"};
      return registrar_.handle(caller.account->name, request, source, environment_.timeline.now());
    case Method::kSubscribe:
      return {.status = 489};
    case Method::kPublish: {
      const auto* client = webphone_.find(caller.account->name);
      const bool own = sip::unescape(request.request_uri().user) == caller.account->name;
      if (!own || (client && !client->extension)) return {.status = 403};
      return presence_.publish(request, caller.account->name);
    }
    case Method::kNotify:
      return {.status = 481};
    default:
      return {.status = 403};
  }
}

void Pbx::on_media_connected(bridge::LegId) {}

void Pbx::on_media_failed(bridge::LegId leg, std::string_view reason) {
  if (const auto found = environment_.legs.find(leg); found != environment_.legs.end()) found->second->on_media_failed(reason);
}

void Pbx::on_media_lost(bridge::LegId leg) {
  if (const auto found = environment_.legs.find(leg); found != environment_.legs.end()) found->second->on_media_lost();
}

void Pbx::on_talking(bridge::LegId leg, bool talking) {
  if (const auto found = environment_.legs.find(leg); found != environment_.legs.end()) found->second->on_talking(talking);
}

void Pbx::on_dtmf(bridge::LegId leg, char digit) {
  if (const auto found = environment_.legs.find(leg); found != environment_.legs.end()) found->second->on_dtmf(digit);
}

void Pbx::on_sound_ended(bridge::LegId leg, bool played) {
  if (const auto found = environment_.legs.find(leg); found != environment_.legs.end()) found->second->on_sound_ended(played);
}

}  // namespace pbx
