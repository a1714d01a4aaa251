// A world with rooms and nothing else: every INVITE goes to the room that its Request-URI names, its party is what its From says.
#pragma once

#include "conference/rooms.hpp"
#include "support/sip_world.hpp"

namespace test_support {

class RoomWorld : public SipWorld, private sip::UserAgentHandler {
 public:
  explicit RoomWorld(conference::RoomProfile profile = {}, bridge::MessagePolicy messages = {}, sip::UserAgentConfig agent = {})
      : SipWorld(leg_config(messages), std::move(agent)),
        rooms(environment, {.profile = [profile](std::string_view) { return profile; }, .messages = messages}) {
    start(*this);
  }
  ~RoomWorld() { agent.reset(); }

  // In room "team", with events asked for.
  ClientCall& enter(Client& client, Invite options = {}) {
    if (options.headers.empty()) options.headers = "Accept: application/sdp, application/x-asterisk-confbridge-event+json\r\n";
    return client.invite("sip:team@parley", options);
  }

  conference::Rooms rooms;

 private:
  static bridge::LegConfig leg_config(const bridge::MessagePolicy& messages) {
    bridge::LegConfig config;
    config.messages = messages;
    return config;
  }
  sip::SessionHandler* on_invite(sip::Session& session, const sip::MessagePtr& invite, const sip::Source&) override {
    const auto user = std::string(invite->from().uri.user);
    auto* room = rooms.find_or_create(conference::Rooms::clean_name(sip::unescape(invite->request_uri().user)));
    auto name = base::clean_display_name(invite->from().display());
    if (name.empty()) name = user;
    return room->invite(session, *invite, {.participant = "id-" + user, .account = {}, .display_name = name, .number = user, .resume_token = "secret-" + user});
  }
  void on_request(sip::RequestId id, const sip::MessagePtr&, const sip::Source&) override { agent->respond(id, {.status = 403}); }
};

}  // namespace test_support
