// What webphones change in the PBX: who is told of them, and what becomes of those that go. Where their calls may go: pbx_dial.cpp.
#include "base/text.hpp"
#include "pbx/pbx.hpp"

namespace pbx {

void Pbx::prepare(sip::UserAgentConfig& agent) {
  agent.subscriptions.events = std::string(WebphoneRoster::kPackage) + ", " + std::string(SessionFeed::kPackage) + ", presence, dialog";
  agent.subscriptions.max_notify_body = WebphoneRoster::kMaxBody + 64 * 1024;
  agent.subscriptions.stream_timeout = std::chrono::seconds(300);   // a page may stand still for minutes (rule 5)
  agent.publish = true;
  agent.refer = agent.replaces = true;
}

base::Result<const WebphoneClient*> Pbx::connect_webphone(const Webphone::ConnectRequest& request, const base::SocketAddress& remote) {
  const sip::Source source{.remote = remote};
  if (over_rate(source)) return base::fail(base::ErrorCode::kUnavailable, "too many requests");
  auto client = webphone_.connect(request);
  if (!client && client.error().code == base::ErrorCode::kDenied && !request.password.empty()) note_wrong_password(source);
  return client;
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
  if (subscription.package() == SessionFeed::kPackage) return sessions_.subscribe(subscription, caller.account->name);
  // Of accounts, accounts alone are told: a line's client may be anybody.
  if (client && !client->extension) return refuse({.status = 403});
  const auto* watched = accounts_.find(target);
  return watched ? presence_.subscribe(subscription, watched->name, caller.account->name) : refuse({.status = 404});
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
