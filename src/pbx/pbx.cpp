#include "pbx/pbx.hpp"

#include "base/random.hpp"
#include "base/text.hpp"

namespace pbx {
namespace {

constexpr std::size_t kMaxRates = 20000;
constexpr std::string_view kDefaultTarget = "_default";   // a webphone's call without a number

bridge::Party new_party() {
  return {.participant = base::random_token(10), .account = {}, .display_name = {}, .number = {}, .resume_token = base::random_token(32)};
}

// A challenge for a right answer to an old nonce is nobody's fault (RFC 7616 section 3.3).
bool is_stale(const sip::Reply& reply) {
  return std::any_of(reply.headers.begin(), reply.headers.end(), [](const auto& h) { return h.second.find("stale=true") != std::string::npos; });
}

}  // namespace

Pbx::Pbx(PbxConfig config, bridge::LegEnvironment& environment, Accounts& accounts)
    : config_(std::move(config)), environment_(environment), accounts_(accounts), authenticator_(config_.realm, config_.authentication),
      registrar_(config_.registrar), webphone_(config_.lines, config_.realm, accounts, environment.timeline), rooms_(environment, config_.rooms) {
  registrar_.set_listener(*this);
  webphone_.set_listener(*this);
}

Pbx::~Pbx() = default;

void Pbx::end_all(std::string_view reason) {
  rooms_.end_all(reason);
  std::vector<Call*> calls;
  for (auto& [key, call] : calls_) calls.push_back(call.get());
  for (auto* call : calls) call->end_all(reason);
}

bool Pbx::over_rate(const sip::Source& source) {
  if (config_.requests_per_second <= 0 || source.remote.is_loopback()) return false;
  if (rates_.size() >= kMaxRates) rates_.clear();
  auto& bucket = rates_.try_emplace(source.remote.ip(), config_.requests_per_second, config_.request_burst).first->second;
  return !bucket.take(environment_.timeline.now());
}

// With `always`, a guest is refused too; a request that brings credentials is held against them in any case.
void Pbx::note_wrong_password(const sip::Source& source) {
  if (config_.wrong_passwords_per_minute <= 0 || source.remote.is_loopback()) return;
  if (wrong_passwords_.size() >= kMaxRates) wrong_passwords_.clear();
  const auto per_minute = config_.wrong_passwords_per_minute;
  auto& bucket = wrong_passwords_.try_emplace(source.remote.ip(), per_minute / 60, per_minute).first->second;
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
  if (over_rate(source)) {
    session.reject({.status = 503, .headers = {{"Retry-After", "2"}}});
    return nullptr;
  }
  // A page that proves to be a participant that is still there needs no other proof. One that goes on to another room with
  // a token of the last is an ordinary caller there.
  const auto token = invite->value("Parley-Resume");
  if (auto* room = rooms_.holding(token)) {
    const auto dialled = sip::unescape(invite->request_uri().user);
    const bool same = conference::Rooms::key_of(conference::Rooms::clean_name(dialled)) == conference::Rooms::key_of(room->name());
    if (same || dialled == kDefaultTarget) return room->resume(session, *invite, token);
  }
  for (auto& [key, call] : calls_) {
    if (call->holds(token)) return call->resume(session, *invite, token);
  }
  auto caller = identify(*invite, source, false);
  if (caller.refusal) {
    session.reject(*caller.refusal);
    return nullptr;
  }
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
  if (const auto* client = caller.account ? webphone_.find(caller.account->name) : nullptr) {
    party.webphone = true;
    return route_client(session, invite, std::move(party), *client, dialled);
  }
  if (const auto* callee = accounts_.find(dialled)) return call_account(session, invite, std::move(party), *callee);

  const auto name = conference::Rooms::clean_name(dialled);
  if (name.empty()) return refuse(404, "No Name For A Room");
  if (!caller.account && !config_.guests_create_rooms && !rooms_.find(name)) return refuse(404);
  auto* room = rooms_.find_or_create(name);
  if (!room) return refuse(503, "Too Many Rooms");
  return room->invite(session, invite, std::move(party));
}

// A webphone's client calls what its line lets it, and never makes a room: what is not there is 404.
sip::SessionHandler* Pbx::route_client(sip::Session& session, const sip::Message& invite, bridge::Party party, const WebphoneClient& client,
                                       std::string dialled) {
  const auto* line = webphone_.find_line(client.line);
  if (dialled == kDefaultTarget) dialled = line ? line->default_target : std::string();
  const auto refuse = [&](int status) {
    session.reject({.status = status});
    return nullptr;
  };
  if (!line || dialled.empty()) return refuse(404);
  if (const auto* other = webphone_.find(dialled)) {
    if (!line->call_clients) return refuse(403);
    if (!other->online) return refuse(480);
  }
  if (const auto* callee = accounts_.find(dialled)) {
    if (!webphone_.find(dialled) && !line->call_accounts) return refuse(403);
    return call_account(session, invite, std::move(party), *callee);
  }
  const auto name = conference::Rooms::clean_name(dialled);
  auto* room = name.empty() ? nullptr : rooms_.find(name);
  if (!room && !name.empty() && config_.rooms.configured && config_.rooms.configured(conference::Rooms::key_of(name))) room = rooms_.find_or_create(name);
  if (!room) return refuse(404);
  if (!line->call_rooms) return refuse(403);
  return room->invite(session, invite, std::move(party));
}

void Pbx::on_reachable(std::string_view account) { webphone_.on_registered(account); }
void Pbx::on_unreachable(std::string_view account, bool orderly) { webphone_.on_unregistered(account, orderly); }

sip::SessionHandler* Pbx::call_account(sip::Session& session, const sip::Message& invite, bridge::Party party, const Account& callee) {
  const auto contacts = registrar_.find(callee.name, environment_.timeline.now());
  if (contacts.empty() || calls_.size() >= config_.max_calls) {
    session.reject({.status = contacts.empty() ? 480 : 503});
    return nullptr;
  }
  auto callee_party = new_party();
  callee_party.account = callee_party.number = callee.name;
  callee_party.display_name = callee.display_name.empty() ? callee.name : callee.display_name;
  callee_party.webphone = webphone_.find(callee.name) != nullptr;
  auto call_config = config_.call;
  if (webphone_.find(callee.name)) call_config.ring_timeout = config_.webphone_ring_timeout;
  auto call = std::make_unique<Call>(environment_, *agent_, call_config, *this);
  auto& ref = *call;
  calls_.emplace(call.get(), std::move(call));
  return ref.start(session, invite, std::move(party), callee_party, contacts, std::string(invite.to().uri_text));
}

// The call is on the stack: it goes in the next turn.
void Pbx::on_call_over(Call& call) {
  environment_.timeline.after(base::Duration::zero(), [this, key = &call](base::TimePoint) { calls_.erase(key); });
}

void Pbx::on_request(sip::RequestId id, const sip::MessagePtr& request, const sip::Source& source) {
  if (over_rate(source)) return agent_->respond(id, {.status = 503, .headers = {{"Retry-After", "2"}}});
  agent_->respond(id, answer_request(*request, source));
}

sip::Reply Pbx::answer_request(const sip::Message& request, const sip::Source& source) {
  using sip::Method;
  // OPTIONS says the same of everybody: nothing about accounts (survival item 1).
  if (request.method() == Method::kOptions) {
    return {.status = 200, .headers = {{"Accept", "application/sdp"}, {"Accept-Encoding", "identity"}, {"Accept-Language", "en"}}};
  }
  auto caller = identify(request, source, true);
  if (caller.refusal) return std::move(*caller.refusal);
  switch (request.method()) {
    case Method::kRegister:
      if (sip::unescape(request.to().uri.user) != caller.account->name) return {.status = 403, .reason = "Not Your Address Of Record"};
      return registrar_.handle(caller.account->name, request, source, environment_.timeline.now());
    case Method::kSubscribe:
    case Method::kPublish:
      return {.status = 489};
    case Method::kNotify:
      return {.status = 481};
    case Method::kMessage:
      return {.status = 404, .reason = "Messages Go Inside A Call"};
    default:
      return {.status = 403};
  }
}

// Subscribers of a line's roster are told by their subscriptions.
void Pbx::on_roster_changed(std::string_view, const WebphoneClient&) {}

void Pbx::on_client_gone(const WebphoneClient& client) { registrar_.remove(client.number); }

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

void Pbx::on_dtmf(bridge::LegId, char) {}

}  // namespace pbx
