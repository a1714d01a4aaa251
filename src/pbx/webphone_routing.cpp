// What webphones change in the PBX: where their calls may go, who is told of them, and what becomes of those that go.
#include "base/text.hpp"
#include "pbx/pbx.hpp"

namespace pbx {

void Pbx::prepare(sip::UserAgentConfig& agent) {
  agent.subscriptions.events = std::string(WebphoneRoster::kPackage) + ", presence, dialog";
  agent.subscriptions.max_notify_body = WebphoneRoster::kMaxBody + 64 * 1024;
  agent.subscriptions.stream_timeout = std::chrono::seconds(300);   // a page may stand still for minutes (rule 5)
  agent.publish = true;
  agent.refer = true;   // without Replaces: blind transfers
}

base::Result<const WebphoneClient*> Pbx::connect_webphone(const Webphone::ConnectRequest& request, const base::SocketAddress& remote) {
  const sip::Source source{.remote = remote};
  if (over_rate(source)) return base::fail(base::ErrorCode::kUnavailable, "too many requests");
  auto client = webphone_.connect(request);
  if (!client && client.error().code == base::ErrorCode::kDenied && !request.password.empty()) note_wrong_password(source);
  return client;
}

// A webphone's client calls what its line lets it, and never makes a room: what is not there is 404.
sip::SessionHandler* Pbx::route_client(sip::Session& session, const sip::Message& invite, bridge::Party party, const WebphoneClient& client,
                                       std::string dialled) {
  using conference::Rooms;
  const auto* line = webphone_.find_line(client.line);
  const auto refuse = [&](int status) {
    session.reject({.status = status});
    return nullptr;
  };
  if (!client.may.internal) return refuse(403);
  if (dialled == kDefaultTarget) dialled = !client.room.empty() ? client.room : line ? line->default_target : std::string();
  if (!line || dialled.empty()) return refuse(404);
  const auto name = Rooms::clean_name(dialled);
  if (!client.room.empty() && (name.empty() || Rooms::key_of(name) != Rooms::key_of(Rooms::clean_name(client.room)))) return refuse(403);
  const auto* callee = client.room.empty() ? accounts_.find(dialled) : nullptr;
  if (callee) {
    const auto* other = webphone_.find(dialled);
    const bool page = other && !other->extension;
    if (!(page ? line->call_clients : line->call_accounts)) return refuse(403);
    return call_account(session, invite, std::move(party), *callee);   // 480 where it has no contact
  }
  auto* room = name.empty() ? nullptr : rooms_.find(name);
  if (!room && !name.empty() && config_.rooms.configured && config_.rooms.configured(Rooms::key_of(name))) room = rooms_.find_or_create(name);
  if (!room) return refuse(404);
  if (!line->call_rooms) return refuse(403);
  return room->invite(session, invite, std::move(party));
}

CallTarget Pbx::find_target(const bridge::Party& by, std::string_view number) {
  const auto* callee = accounts_.find(number);
  if (callee == nullptr) return {.status = 404};
  const auto* other = webphone_.find(callee->name);
  if (const auto* client = webphone_.find(by.account); client && !client->extension) {
    const auto* line = webphone_.find_line(client->line);
    const bool page = other && !other->extension;
    if (!line || !client->may.internal || !client->room.empty() || !(page ? line->call_clients : line->call_accounts)) return {.status = 403};
  }
  auto contacts = registrar_.find(callee->name, environment_.timeline.now());
  if (contacts.empty()) return {.status = 480};
  return {.status = 200, .party = party_of(*callee), .contacts = std::move(contacts), .uri = "sip:" + sip::escape_user(callee->name) + "@" + config_.realm};
}

sip::SubscriptionHandler* Pbx::on_subscribe(sip::Subscription& subscription, const sip::MessagePtr& subscribe, const sip::Source& source) {
  const auto refuse = [&](sip::Reply reply) {
    subscription.reject(reply);
    return nullptr;
  };
  if (over_rate(source)) return refuse({.status = 503, .headers = {{"Retry-After", "2"}}});
  auto caller = identify(*subscribe, source, true);
  if (caller.refusal) return refuse(std::move(*caller.refusal));
  const auto target = sip::unescape(subscribe->request_uri().user);
  const auto* client = webphone_.find(caller.account->name);
  if (subscription.package() == WebphoneRoster::kPackage) {
    return client ? roster_.subscribe(subscription, *client, target) : refuse({.status = 403});
  }
  // Of accounts, accounts alone are told: a line's client may be anybody.
  if (client && !client->extension) return refuse({.status = 403});
  const auto* watched = accounts_.find(target);
  return watched ? presence_.subscribe(subscription, watched->name) : refuse({.status = 404});
}

void Pbx::on_roster_changed(std::string_view, const WebphoneClient& client) { roster_.on_changed(client); }

// Its calls end, its contacts are forgotten. An extension lives on without its pages.
void Pbx::on_client_gone(const WebphoneClient& client) {
  roster_.on_client_gone(client);
  if (client.extension) return;
  registrar_.remove(client.number);
  presence_.on_reachability(client.number);
  std::vector<bridge::LegId> its;
  for (const auto& [id, leg] : environment_.legs) {
    if (leg->party().account == client.number) its.push_back(id);
  }
  for (const auto id : its) {
    const auto found = environment_.legs.find(id);
    if (found != environment_.legs.end() && !found->second->ended()) found->second->end("SIP;cause=410;text=\"Signed off\"");
  }
}

void Pbx::on_unreachable(std::string_view account, bool orderly) {
  const std::string name(account);   // what it is a view of may go
  webphone_.on_unregistered(name, orderly);
  presence_.on_reachability(name);
}

}  // namespace pbx
