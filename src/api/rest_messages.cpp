// /rooms/{room}/messages: sending, and what was said. /accounts/{account}/messages: sending.
#include <fmt/format.h>

#include "api/rest_route.hpp"
#include "base/text.hpp"

namespace api {
namespace {

constexpr std::size_t kPage = 50;

// What goes into a header may hold no line break; a media type holds less.
bool is_media_type(std::string_view text) {
  if (text.find('/') == text.npos || text.starts_with('/') || text.ends_with('/')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127 && c != ',' ? true : c == ' '; });
}
bool is_participant(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; });
}

// The message as a phone or a leg would send it: all rules for messages hold for it.
base::Result<sip::MessagePtr> make_message(const RestCall& call, const std::string& name) {
  const auto type = call.body.value("contentType", std::string("text/plain;charset=UTF-8"));
  const auto to = call.text("to");
  auto writer = sip::Writer::request("MESSAGE", "sip:room@parley.invalid");
  writer.header("Via", "SIP/2.0/TCP api.invalid;branch=z9hG4bKapi");
  writer.header("From", sip::quote(name) + " <sip:parley.invalid>;tag=api");   // of nobody's account
  writer.header("To", "<sip:room@parley.invalid>");
  writer.header("Call-ID", "api");
  writer.header("CSeq", "1 MESSAGE");
  if (!to.empty()) writer.header("Parley-To", to);
  const auto text = call.text("text");
  return sip::Message::parse(base::share(std::move(writer).finish(type, text)));
}

net::HttpResponse answer_for(const sip::Reply& reply) {
  const auto header = [&](std::string_view name) {
    const auto found = std::find_if(reply.headers.begin(), reply.headers.end(), [&](const auto& h) { return h.first == name; });
    return found == reply.headers.end() ? std::string() : found->second;
  };
  switch (reply.status) {
    case 200:
    case 202:
      return rest_answer(202, {{"id", header("Parley-Message-ID")}, {"sequence", base::parse_decimal(header("Parley-Sequence")).value_or(0)}});
    case 404: return rest_problem(404, "unknown-participant", "there is no participant of that id in that room");
    case 413: return rest_problem(413, "message-too-large", "the message is larger than this server takes");
    case 415: return rest_problem(415, "bad-message-type", "this server does not take messages of that type");
    case 429:
    case 480:
    case 503: return rest_problem(503, "not-now", reply.reason.empty() ? "too many messages, or the history can't be written: try again" : reply.reason);
    default: return rest_problem(400, "bad-message", reply.reason.empty() ? "the message was refused" : reply.reason);
  }
}

std::optional<net::HttpResponse> refuse(const RestCall& call) {
  if (base::clean_display_name(call.text("from")) != call.text("from")) {
    return rest_problem(400, "bad-name", "\"from\" has no control characters and no white space around it");
  }
  if (const auto type = call.text("contentType"); !type.empty() && !is_media_type(type)) return rest_problem(400, "bad-message-type", "\"contentType\" is no media type");
  return std::nullopt;
}

std::string sender_of(const RestCall& call) { return call.text("from").empty() ? call.token->name : call.text("from"); }

// To an account's phones and pages, or kept for it.
void send_to_account(const RestBackend& backend, const RestCallPtr& call) {
  if (auto refused = refuse(*call)) return call->answer.send(std::move(*refused));
  auto message = make_message(*call, sender_of(*call));
  if (!message) return call->answer.send(rest_problem(400, "bad-message", message.error().detail));
  backend.on_pbx([call, message = std::move(*message)](pbx::Pbx& pbx) {
    pbx.message_by_api("api " + call->token->id, call->path[0], message, [call](const sip::Reply& reply) {
      if (reply.status == 202) return call->answer.send(rest_no_content());
      if (reply.status == 404) return call->answer.send(rest_problem(404, "unknown-account", "there is no account or client of that name"));
      if (reply.status == 480) return call->answer.send(rest_problem(404, "unreachable", "nobody there takes it, and it can't be kept"));
      call->answer.send(answer_for(reply));
    });
  });
}

// Answers once; where the room goes before it has, the caller is told.
void send(const RestBackend& backend, const RestCallPtr& call) {
  if (auto refused = refuse(*call)) return call->answer.send(std::move(*refused));
  const auto name = sender_of(*call);
  if (!is_participant(call->text("to"))) return call->answer.send(rest_problem(404, "unknown-participant", "there is no participant of that id in that room"));
  auto message = make_message(*call, name);
  if (!message) return call->answer.send(rest_problem(400, "bad-message", message.error().detail));
  backend.on_pbx([call, name, message = std::move(*message)](pbx::Pbx& pbx) {
    auto* room = pbx.rooms().find(call->path[0]);
    if (!room || room->empty()) return call->answer.send(rest_problem(404, "unknown-room", "nobody is in a room of that name"));
    // An account's name can't be taken by it: there is none.
    const bridge::Party from{.participant = "api-" + call->token->id, .account = {}, .display_name = name, .number = {}, .resume_token = {}};
    room->message_by_api(from, message, [call](const sip::Reply& reply) { call->answer.send(answer_for(reply)); });
  });
}

RestJson to_json(const store::StoredMessage& message) {
  RestJson json{{"id", message.message_id}, {"sequence", message.sequence}, {"time", rest_time(message.time)}, {"from", message.display_name},
                {"participant", message.sender.participant}, {"account", message.sender.account}, {"contentType", message.content_type}};
  const std::string_view body = message.body ? std::string_view(*message.body) : std::string_view();
  if (base::valid_utf8(body)) {
    json["text"] = body;
  } else {
    json["base64"] = base::to_base64(base::as_bytes(body));
  }
  return json;
}

// Private messages are for those two alone: nobody reads them here.
void history(const RestBackend& backend, const RestCallPtr& call) {
  store::HistoryQuery query;
  query.conversation = "room:" + conference::Rooms::key_of(call->path[0]);
  query.after = call->number("after");
  query.before = call->number("before");
  query.limit = call->number("limit").value_or(kPage);
  const auto asked = backend.messages->history(std::move(query), [call](base::Result<store::HistoryPage> page) {
    if (!page) return call->answer.send(rest_problem(page.error(), {}));
    auto messages = RestJson::array();
    for (const auto& message : page->messages) messages.push_back(to_json(message));
    RestJson result{{"messages", std::move(messages)}};
    if (page->next) result["next"] = *page->next;
    call->answer.send(rest_answer(200, result));
  });
  if (!asked) call->answer.send(rest_problem(asked.error(), {}));
}

}  // namespace

void add_message_routes(std::vector<RestRoute>& routes, const RestBackend& backend) {
  routes.push_back({.method = "POST", .path = "/rooms/{room}/messages", .scope = scope::kMessages, .operation = "sendMessage", .tag = "messages",
                    .summary = "Send a message to a room, or to one participant", .body = "NewMessage", .result = "SentMessage", .success = 202,
                    .failures = {{404, "Nobody is in that room, or not that one."}, {413, "The message is too large."}, {415, "This server does not take that type."}},
                    .handler = [&backend](const RestCallPtr& call) { send(backend, call); }});
  routes.push_back({.method = "POST", .path = "/accounts/{account}/messages", .scope = scope::kMessages, .operation = "sendAccountMessage", .tag = "messages",
                    .summary = "Send a message to an account",
                    .description = "To all its phones and pages (SIP MESSAGE, RFC 3428). Answered when one has taken it; where none does, when it is kept, to be delivered at the "
                                   "account's next registration. Also to a page's number, where nothing is kept.",
                    .body = "NewAccountMessage", .success = 204,
                    .failures = {{404, "There is no such account, or nobody there takes it and it can't be kept."}, {413, "The message is too large."}, {415, "This server does not take that type."}},
                    .handler = [&backend](const RestCallPtr& call) { send_to_account(backend, call); }});
  if (!backend.messages) return;
  const auto integer = RestParameter::Type::kInteger;
  routes.push_back({.method = "GET", .path = "/rooms/{room}/messages", .scope = scope::kMessagesRead, .operation = "listMessages", .tag = "messages",
                    .summary = "What was said in a room", .description = "The newest, or with `after` the oldest behind it; in the order of their numbers. Without private messages. Nothing where the room has no history.",
                    .query = {{.name = "after", .description = "Numbers above this one.", .type = integer},
                              {.name = "before", .description = "Numbers below this one.", .type = integer},
                              {.name = "limit", .description = "At most so many; absent: 50.", .type = integer, .minimum = 1, .maximum = store::kMaxPage}},
                    .result = "MessageList", .handler = [&backend](const RestCallPtr& call) { history(backend, call); }});
}

}  // namespace api
