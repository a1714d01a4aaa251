// Calls that a service answers: echo, a tone, a file. One leg; listed, hung up and recorded as other calls are.
#include "pbx/call.hpp"

namespace pbx {

using Kind = CallService::Kind;

sip::SessionHandler* Call::start_service(sip::Session& session) {
  host_.on_call_changed(*this);
  auto* handler = caller_.get();
  session.accept(caller_answer_, caller_headers_);
  return handler;
}

// The caller, who has been answered before, gets a service instead of somebody.
void Call::serve(const CallTarget& target) {
  service_ = target.service;
  service_party_ = target.party;
  begin_service();
}

void Call::begin_service() {
  environment_.timeline.cancel(ring_timer_);
  const bool again = info_.answered.has_value();
  if (!again) note_answer(service_party_);
  hush(*caller_);
  join(*caller_);
  present_parties();
  switch (service_->kind) {
    case Kind::kEcho: environment_.media.set_echo(caller_->id(), true); break;
    case Kind::kTone: play(*caller_, {.kind = bridge::Sound::Kind::kTone, .hertz = service_->hertz, .file = {}}); break;
    case Kind::kPlay: play(*caller_, {.kind = bridge::Sound::Kind::kFile, .file = service_->file, .loop = false}); break;
  }
  note_legs();
  if (!again) host_.on_call_changed(*this);
}

// The echo test gives text back as well.
void Call::message_to_service(bridge::Leg& leg, sip::RequestId id, const sip::Message& message) {
  if (service_->kind != Kind::kEcho) return leg.session().respond(id, {.status = 403, .reason = "Nobody Reads Here"});
  if (const auto refusal = bridge::refuse_message(config_.messages, message, leg.message_bucket(), environment_.timeline.now())) {
    return leg.session().respond(id, *refusal);
  }
  leg.note_taken(message.value("Parley-Client-Message"));
  leg.session().respond(id, {.status = 202});
  bridge_.notify(leg, {.from_display = service_party_.display_name, .content_type = message.content_type(), .body = base::share(std::string(message.body()))});
}

}  // namespace pbx
