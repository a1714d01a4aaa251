// The whole PBX over a fake network and fake media, in virtual time.
#pragma once

#include "pbx/pbx.hpp"
#include "support/sip_world.hpp"

namespace test_support {

class PbxWorld : public SipWorld {
 public:
  explicit PbxWorld(pbx::PbxConfig config = {}) : SipWorld({}, agent_config()), pbx(std::move(config), environment, accounts) {
    start(pbx);
    pbx.attach(*agent);
    on_flow_closed = [this](std::uint64_t flow) { pbx.on_flow_closed(flow); };
    accounts.replace({account("alice", "Alice Liddell"), account("bob", "Bob"), account("carol", "")});
  }
  ~PbxWorld() { agent.reset(); }

  static sip::UserAgentConfig agent_config() {
    sip::UserAgentConfig config;
    pbx::Pbx::prepare(config);
    return config;
  }
  static pbx::Account account(const std::string& name, const std::string& display) {
    return {name, display, sip::StoredHashes::make(name, "parley", "secret of " + name)};
  }
  // A registered client of an account.
  Client& registered(Client& client) {
    client.password = "secret of " + client.account;
    const auto answer = client.register_contact();
    EXPECT_TRUE(answer && answer->status() == 200);
    return client;
  }
  ClientCall& enter(Client& client, Invite options = {}) {
    if (options.headers.empty()) options.headers = "Accept: application/sdp, application/x-asterisk-confbridge-event+json\r\n";
    return client.invite("sip:team@parley", options);
  }
  // Was `what` in anything sent to another client than `except`?
  bool told_others(std::string_view what, const Client& except) const {
    for (const auto& sent : log) {
      const bool own = sent.target.flow != 0 ? sent.target.flow == except.source.flow : sent.target.remote == except.source.remote;
      if (!own && sent.text.find(what) != std::string::npos) return true;
    }
    return false;
  }

  pbx::Accounts accounts;
  pbx::Pbx pbx;
};

}  // namespace test_support
