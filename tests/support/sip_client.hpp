// The scripted clients of sip_world.hpp, which includes this.
#pragma once

#include "support/sip_world.hpp"

namespace test_support {

inline std::string Client::via() const {
  return "Via: SIP/2.0/" + std::string(sip::to_string(source.transport)) + " " + (page() ? account + ".invalid" : source.remote.to_string()) +
         ";rport;branch=" + world.fresh("z9hG4bKtest") + "\r\n";
}
inline std::string Client::contact() const {
  if (page()) return "<sip:r" + account + "@" + account + ".invalid;transport=ws>";
  return "<sip:" + account + "@" + source.remote.to_string() + (source.transport == sip::Transport::kTcp ? ";transport=tcp>" : ">");
}
inline std::string Client::from(std::string_view name) const {
  const auto shown = name.empty() ? std::string_view(display) : name;
  return (shown.empty() ? std::string() : sip::quote(shown) + " ") + "<" + uri() + ">";
}
inline std::string Client::phone_sdp() const {
  const auto ip = source.remote.ip();
  return "v=0\r\no=- 1 1 IN IP4 " + ip + "\r\ns=-\r\nc=IN IP4 " + ip +
         "\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n";
}
inline std::string Client::own_offer() const {
  if (!page()) return phone_sdp();
  auto text = read_sdp("chromium-offer");
  if (audio_only) {
    text.resize(text.find("m=video"));
    text = replace_all(text, "BUNDLE 0 1", "BUNDLE 0");
  }
  return text;
}
inline void Client::write(const std::string& text) {
  world.to_server(source, text);
}

inline std::string ClientCall::text_of(std::string_view method, std::string_view headers, std::string_view content_type, std::string_view body) {
  const bool ack = method == "ACK";
  auto text = std::string(method) + " " + target + " SIP/2.0\r\n" + client.via() + "Max-Forwards: 70\r\n";
  text += "From: " + (local_display.empty() ? std::string() : sip::quote(local_display) + " ") + "<" + local_uri + ">;tag=" + local_tag +
          "\r\nTo: <" + remote_uri + ">;tag=" + remote_tag + "\r\nCall-ID: " + call_id + "\r\n";
  text += "CSeq: " + std::to_string(ack ? invite_cseq : ++cseq) + " " + std::string(method) + "\r\n" + std::string(headers);
  if (!content_type.empty()) text += "Content-Type: " + std::string(content_type) + "\r\n";
  return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline int ClientCall::request(std::string_view method, std::string_view headers, std::string_view content_type, std::string_view body) {
  last = nullptr;
  client.write(text_of(method, headers, content_type, body));
  client.world.settle();
  return last && last->cseq().number == cseq ? last->status() : 0;
}

inline int ClientCall::reinvite(std::string sdp, std::string_view headers) {
  description = sdp;
  auto text = "Contact: " + client.contact() + "\r\n" + std::string(headers);
  last = nullptr;
  client.write(text_of("INVITE", text, "application/sdp", sdp));
  invite_cseq = cseq;
  client.world.settle();
  return last ? last->status() : 0;
}

inline void ClientCall::ack(std::string_view sdp) { client.write(text_of("ACK", {}, sdp.empty() ? "" : "application/sdp", sdp)); }

inline void ClientCall::cancel() {
  cancelled = true;
  auto text = replace_all(invite_text.substr(0, invite_text.find("\r\n\r\n")), "INVITE", "CANCEL");
  text = text.substr(0, text.find("\r\nContact:"));
  client.write(text + "\r\nContent-Length: 0\r\n\r\n");
  client.world.settle();
}

inline void ClientCall::reply_to_invite(int code, std::string_view content_type, std::string_view body, std::string_view headers) {
  client.reply(*invite, code, local_tag, "Contact: " + client.contact() + "\r\n" + std::string(headers), content_type, body);
  client.world.settle();
}
inline void ClientCall::answer() {
  description = invite->body().find("SAVPF") != std::string_view::npos ? chromium_answer(invite->body()) : client.phone_sdp();
  reply_to_invite(200, "application/sdp", description);
}

inline ClientCall& Client::invite(const std::string& uri, const Invite& options) {
  auto& call = calls.emplace_back(*this);
  call.local_display = options.display.empty() ? display : options.display;
  call.call_id = world.fresh("call") + "-" + account;
  call.local_tag = world.fresh("tag");
  call.local_uri = this->uri();
  call.remote_uri = call.target = call.request_uri = uri;
  call.invite_headers = options.headers;
  call.sends_ack = !options.no_ack;
  if (!options.no_offer) call.description = options.sdp.empty() ? own_offer() : options.sdp;
  const auto send = [&](const std::string& credentials) {
    const auto number = ++call.cseq;
    call.invite_cseq = number;
    call.invite_text = "INVITE " + uri + " SIP/2.0\r\n" + via() + "Max-Forwards: 70\r\nFrom: " + from(call.local_display) + ";tag=" + call.local_tag +
                       "\r\nTo: <" + uri + ">\r\nCall-ID: " + call.call_id + "\r\nCSeq: " + std::to_string(number) +
                       " INVITE\r\nContact: " + contact() + "\r\n" + credentials + call.invite_headers;
    if (!call.description.empty()) call.invite_text += "Content-Type: " + options.body_type + "\r\n";
    call.invite_text += "Content-Length: " + std::to_string(call.description.size()) + "\r\n\r\n" + call.description;
    write(call.invite_text);
    world.settle();
  };
  send({});
  if (call.status() == 401 && !password.empty()) {
    const auto challenge = sip::parse_challenge(call.response->value(sip::HeaderId::kWwwAuthenticate));
    call.response = nullptr;
    send("Authorization: " + sip::answer_challenge(*challenge, {user_of_digest.empty() ? account : user_of_digest, password}, "INVITE", uri, 1, "cn") + "\r\n");
  }
  return call;
}

inline sip::MessagePtr Client::request(std::string_view method, const std::string& uri, const std::string& headers, const std::string& content_type,
                                       const std::string& body) {
  const bool registers = method == "REGISTER";
  const auto call_id = registers ? register_call_id.empty() ? register_call_id = world.fresh("reg") : register_call_id : world.fresh("out");
  const auto tag = world.fresh("tag");
  const auto send = [&](const std::string& credentials) -> sip::MessagePtr {
    stray.clear();
    auto text = std::string(method) + " " + uri + " SIP/2.0\r\n" + via() + "Max-Forwards: 70\r\nFrom: " + from() + ";tag=" + tag + "\r\nTo: <" +
                (registers ? this->uri() : uri) + ">\r\nCall-ID: " + call_id + "\r\nCSeq: " + std::to_string(++register_cseq) + " " +
                std::string(method) + "\r\n" + credentials + headers;
    if (!content_type.empty()) text += "Content-Type: " + content_type + "\r\n";
    write(text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    world.settle();
    return stray.empty() ? nullptr : stray.back();
  };
  auto answer = send({});
  if (answer && answer->status() == 401 && !password.empty()) {
    const auto challenge = sip::parse_challenge(answer->value(sip::HeaderId::kWwwAuthenticate));
    answer = send("Authorization: " + sip::answer_challenge(*challenge, {user_of_digest.empty() ? account : user_of_digest, password}, method, uri, 1, "cn") + "\r\n");
  }
  return answer;
}

inline sip::MessagePtr Client::register_contact(const std::string& headers) {
  return request("REGISTER", "sip:parley", headers.empty() ? "Contact: " + contact() + "\r\nExpires: 3600\r\n" : headers);
}

inline void Client::lose_flow() {
  const auto flow = std::exchange(source.flow, ++world.last_flow);
  world.close_flow(flow);
}
inline void Client::connect_again() {
  source = world.new_source(source.transport);
}

inline void Client::receive(const Sent& sent) {
  const auto parsed = sip::Message::parse(base::share(sent.text));
  // The refusal of a malformed request repeats what is wrong with it.
  if (!parsed && sent.text.starts_with("SIP/2.0 4")) return;
  ASSERT_TRUE(parsed) << sent.text;
  if ((*parsed)->is_request()) {
    on_request(*parsed, sent);
  } else {
    on_response(*parsed);
  }
}

inline void Client::on_response(const sip::MessagePtr& message) {
  for (auto& call : calls) {
    if (call.call_id != message->call_id()) continue;
    if (message->status() >= 200) call.last = message;
    if (message->method() == sip::Method::kInvite) on_invite_response(call, message);
    return;
  }
  if (message->status() >= 200) stray.push_back(message);
}

inline void Client::on_invite_response(ClientCall& call, const sip::MessagePtr& message) {
  const int status = message->status();
  if (status < 200) {
    call.provisionals.push_back(status);
    return;
  }
  if (message->cseq().number != call.invite_cseq) return;
  const bool first = !call.response && !call.called;
  if (first) call.response = message;
  if (status >= 300) {
    // RFC 3261 17.1.1.3: to the transaction.
    if (first) {
      auto text = replace_all(call.invite_text.substr(0, call.invite_text.find("\r\nContact:")), "INVITE", "ACK");
      const auto to = text.find("\r\nTo: ") + 6;
      text.replace(to, text.find("\r\n", to) - to, message->value(sip::HeaderId::kTo));
      write(text + "\r\nContent-Length: 0\r\n\r\n");
    }
    return;
  }
  if (first) {
    call.remote_tag = message->to_tag();
    call.target = message->contact()->uri_text;
  }
  if (call.sends_ack) {
    const bool offered_by_server = call.description.empty() && !message->body().empty();
    if (offered_by_server) call.description = message->body().find("SAVPF") != std::string_view::npos ? chromium_answer(message->body()) : phone_sdp();
    call.ack(offered_by_server ? call.description : std::string());
  }
}

inline void Client::reply(const sip::Message& request, int status, std::string_view tag, std::string_view headers, std::string_view content_type,
                          std::string_view body) {
  sip::Source server = source;
  server.remote = *base::SocketAddress::parse("198.51.100.1", page() ? 7777 : 5060);
  auto text = sip::start_response(request, server, status, tag).finish(content_type, body);
  text.insert(text.find("\r\n") + 2, headers);
  write(text);
}

inline void Client::on_request(const sip::MessagePtr& message, const Sent& sent) {
  const auto method = message->method();
  for (auto& call : calls) {
    if (call.call_id != message->call_id() || method == sip::Method::kAck) continue;
    if (method == sip::Method::kCancel) {
      call.cancelled = true;
      call.ended = true;
      reply(*message, 200, call.local_tag);
      return reply(*call.invite, 487, call.local_tag);
    }
    if (call.called && method == sip::Method::kInvite && message->to_tag().empty()) return;   // a retransmission
    call.inbox.push_back({message, sent});
    if (call.ended && method != sip::Method::kBye) return reply(*message, 481, call.local_tag);
    if (holds) {
      call.unanswered.push_back(sent.text);
      return;
    }
    if (method == sip::Method::kBye) call.ended = true;
    if (method == sip::Method::kInvite) {
      if (reinvite_status == 0) return;
      if (reinvite_status != 200) return reply(*message, reinvite_status, call.local_tag, retry_after);
      call.description = page() ? chromium_answer(message->body(), refused_mids) : phone_sdp();
      return reply(*message, 200, call.local_tag, "Contact: " + contact() + "\r\n", "application/sdp", call.description);
    }
    const int status = method == sip::Method::kMessage ? message_status(*message) : method == sip::Method::kUpdate ? update_status : 200;
    if (status != 0) reply(*message, status, call.local_tag);
    return;
  }
  if (method == sip::Method::kMessage) {
    const int status = message_status(*message);
    if (status != 0) reply(*message, status, "pager");
    pages.push_back(message);
    return;
  }
  if (method != sip::Method::kInvite) return;
  auto& call = calls.emplace_back(*this);
  call.called = true;
  call.invite = message;
  call.call_id = message->call_id();
  call.local_tag = world.fresh("tag");
  call.remote_tag = message->from_tag();
  call.remote_uri = message->from().uri_text;
  call.local_uri = message->to().uri_text;
  call.local_display = display;
  call.target = message->contact()->uri_text;
  call.cseq = 100;
  incoming.push_back(&call);
  if (incoming_policy == Incoming::kAnswer) {
    call.description = message->body().find("SAVPF") != std::string_view::npos ? chromium_answer(message->body()) : phone_sdp();
    reply(*message, 200, call.local_tag, "Contact: " + contact() + "\r\n", "application/sdp", call.description);
  }
}

}  // namespace test_support
