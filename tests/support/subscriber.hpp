// Subscriptions of the scripted clients, and webphones that connect and register.
#pragma once

#include "support/pbx_world.hpp"

namespace test_support {

// The dialog of a SUBSCRIBE; NOTIFYs are in its inbox. `last` is the final answer.
inline ClientCall& subscribe(Client& client, const std::string& user, const std::string& event, const std::string& headers = {}) {
  auto& call = client.calls.emplace_back(client);
  call.call_id = client.world.fresh("sub");
  call.local_tag = client.world.fresh("tag");
  call.local_uri = client.uri();
  call.remote_uri = call.target = "sip:" + user + "@parley";
  const auto send = [&](const std::string& credentials) {
    call.last = nullptr;
    client.write("SUBSCRIBE " + call.remote_uri + " SIP/2.0\r\n" + client.via() + "Max-Forwards: 70\r\nFrom: <" + call.local_uri + ">;tag=" + call.local_tag +
                 "\r\nTo: <" + call.remote_uri + ">\r\nCall-ID: " + call.call_id + "\r\nCSeq: " + std::to_string(++call.cseq) + " SUBSCRIBE\r\nContact: " +
                 client.contact() + "\r\nEvent: " + event + "\r\n" + credentials + headers + "Content-Length: 0\r\n\r\n");
    client.world.settle();
  };
  send({});
  if (call.last && call.last->status() == 401 && !client.password.empty()) {
    const auto challenge = sip::parse_challenge(call.last->value(sip::HeaderId::kWwwAuthenticate));
    send("Authorization: " + sip::answer_challenge(*challenge, {client.account, client.password}, "SUBSCRIBE", call.remote_uri, 1, "cn") + "\r\n");
  }
  if (call.last && call.last->status() == 200) {
    call.remote_tag = call.last->to_tag();
    call.target = call.last->contact()->uri_text;
  }
  return call;
}
inline int status(const ClientCall& call) { return call.last ? call.last->status() : 0; }
inline int refresh(ClientCall& call, const std::string& event, int expires) {
  return call.request("SUBSCRIBE", "Contact: " + call.client.contact() + "\r\nEvent: " + event + "\r\nExpires: " + std::to_string(expires) + "\r\n");
}
inline std::vector<std::string> notified(const ClientCall& call) {
  std::vector<std::string> result;
  for (const auto* r : call.received(sip::Method::kNotify)) result.emplace_back(r->message->body());
  return result;
}
inline std::string subscription_state(const ClientCall& call) {
  return std::string(call.received(sip::Method::kNotify).back()->message->value(sip::HeaderId::kSubscriptionState));
}

// Asks to connect; the page is not registered yet. The world's clients live in a list: references stay good.
inline Client& connected(PbxWorld& world, const std::string& name, pbx::Webphone::ConnectRequest request = {}) {
  if (request.line.empty() && request.token.empty()) request.line = "Webphone1";
  request.display_name = name;
  const auto client = world.pbx.webphone().connect(request);
  EXPECT_TRUE(client) << client.error().detail;
  auto& page = world.page((*client)->number, name);
  page.password = (*client)->extension ? request.password : (*client)->secret;
  return page;
}
inline Client& webphone(PbxWorld& world, const std::string& name, pbx::Webphone::ConnectRequest request = {}) {
  auto& page = connected(world, name, std::move(request));
  const auto answer = page.register_contact();
  EXPECT_TRUE(answer && answer->status() == 200);
  return page;
}

}  // namespace test_support
