// The user agent: what reaches which session, and what belongs to none.
#include "sip/user_agent.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/random.hpp"
#include "base/text.hpp"
#include "sip/request_check.hpp"
#include "sip/session.hpp"
#include "sip/subscription_server.hpp"

namespace sip {
namespace {

constexpr std::uint64_t kAgentOwner = std::uint64_t{0xff} << 56;
constexpr std::uint64_t kSessionMask = (std::uint64_t{1} << 56) - 1;

// Calls f(name, value) for whole header lines.
template <typename F>
void for_each_line(std::string_view lines, F&& f) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      f(base::trim(line.substr(0, colon)), base::trim(line.substr(colon + 1)));
    }
    if (end == std::string_view::npos) return;
    lines.remove_prefix(end + 2);
  }
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> out;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    out.push_back(base::trim(list.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return out;
}

// Spec enhanced-messaging A.3: an INVITE may ask for events by Accept, also without naming SDP there.
constexpr std::string_view kEventType = "application/x-asterisk-confbridge-event+json";

// Allow and Supported say what is switched on.
UserAgentConfig completed(UserAgentConfig config) {
  if (!config.subscriptions.events.empty()) config.allow += ", SUBSCRIBE";
  if (config.notify) config.allow += ", NOTIFY";
  if (config.publish) config.allow += ", PUBLISH";
  if (config.refer) config.allow += ", REFER";
  if (config.refer) config.supported += ", norefersub";
  if (config.replaces) config.supported += ", replaces";
  return config;
}

TransactionConfig transaction_config(const UserAgentConfig& config) {
  return {config.t1, config.t2, config.t4, config.max_transactions};
}

}  // namespace

std::string SessionCore::allow_events(const UserAgentConfig& config) {
  if (!config.refer) return config.subscriptions.events;
  return config.subscriptions.events.empty() ? "refer" : config.subscriptions.events + ", refer";
}

SubscriptionHandler* UserAgentHandler::on_subscribe(Subscription&, const MessagePtr&, const Source&) {
  return nullptr;   // 489
}

class UserAgent::Impl final : public SessionCore, public TransactionUser {
 public:
  Impl(UserAgentConfig agent_config, base::Timeline& time, Network& net, UserAgentHandler& handler)
      : SessionCore(completed(std::move(agent_config)), time, net), handler_(handler),
        transactions_(transaction_config(config), time, net, *this), subscriptions_(*this), extensions_(split(config.supported)) {
    checks_ = RequestChecks::defaults();
    extensions_.insert(extensions_.end(), checks_.extensions.begin(), checks_.extensions.end());   // the registrar's
    checks_.extensions = extensions_;
  }
  ~Impl() override {
    timeline.cancel(drain_timer_);
    sessions_.clear();
  }

  // Sessions end when nothing of the agent's is on the stack any more.
  class Scope {
   public:
    explicit Scope(Impl& impl) : impl_(impl) { ++impl_.depth_; }
    ~Scope() {
      if (impl_.depth_ == 1) impl_.drain();
      --impl_.depth_;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Impl& impl_;
  };

  void on_flow_closed(std::uint64_t flow) {
    if (flow == 0) return;
    const Scope scope(*this);
    if (auto node = flows_.extract(flow)) {
      for (const std::uint64_t id : node.mapped()) {
        if (SessionImpl* session = session_of(id)) session->on_flow_closed();
      }
    }
    subscriptions_.on_flow_closed(flow);
    transactions_.on_flow_closed(flow);
  }

  // Without a Scope: the caller gets its reference before it is told of an end.
  Session& invite(const OutgoingInvite& invite, SessionHandler& handler) {
    const bool full = shutting_down_ || sessions_.size() >= config.max_sessions;
    SessionImpl& session = add_session();
    session.set_handler(&handler);
    if (full) {
      session.abandon(503);
    } else {
      session.begin_calling(invite);
    }
    return session;
  }

  Session* find(std::string_view call_id, std::string_view local_tag, std::string_view remote_tag) {
    return find_session(call_id, local_tag, remote_tag);
  }

  struct Outside {
    std::function<void(const MessagePtr&)> done;
    std::unique_ptr<OutgoingRequest> again;   // where a challenge may be answered
    AuthAttempts attempts;
  };
  void send_request(const OutgoingRequest& request, Outside outside);

  void shut_down(std::string_view reason) {
    const Scope scope(*this);
    shutting_down_ = true;
    std::vector<std::uint64_t> ids;
    for (const auto& [id, session] : sessions_) ids.push_back(id);
    for (const std::uint64_t id : ids) {
      if (SessionImpl* session = session_of(id)) session->bye_at_once(reason);
    }
    subscriptions_.shut_down();
  }

  std::size_t sessions() const { return sessions_.size(); }

  // SessionCore.
  TransactionLayer& transactions() override { return transactions_; }
  void bind(SessionImpl& session, const Dialog& dialog) override {
    dialogs_.insert_or_assign(key_of(dialog.call_id(), dialog.local_tag(), dialog.remote_tag()), session.id());
  }
  void unbind(SessionImpl& session, const Dialog& dialog) override {
    const auto found = dialogs_.find(key_of(dialog.call_id(), dialog.local_tag(), dialog.remote_tag()));
    if (found != dialogs_.end() && found->second == session.id()) dialogs_.erase(found);
  }
  void watch_flow(SessionImpl& session, std::uint64_t before, std::uint64_t now) override {
    unwatch_flow(session.id(), before);
    if (now != 0) flows_[now].insert(session.id());
  }
  void finished(SessionImpl& session) override {
    ended_.push_back(session.id());
    arm_drain();
  }
  void gone(SessionImpl& session) override {
    gone_.push_back(session.id());
    arm_drain();
  }
  void defer(std::function<void()> callback) override {
    deferred_.push_back(std::move(callback));
    arm_drain();
  }
  base::TimerQueue::Id after(base::Duration delay, std::function<void()> callback) override {
    return timeline.after(delay, [this, callback = std::move(callback)](base::TimePoint) {
      const Scope scope(*this);
      callback();
    });
  }
  void respond(ServerId id, const Reply& reply, std::string_view to_tag, std::string_view lines) override;

  // TransactionUser.
  void on_transaction_request(ServerId id, const MessagePtr& request, const Source& source) override;
  std::string cancel_tag(ServerId invite) override {
    const SessionImpl* session = session_of(transactions_.owner(invite));
    return session != nullptr && !session->established() ? std::string(session->local_tag()) : std::string();
  }
  void on_transaction_cancel(ServerId invite, const MessagePtr& cancel) override {
    SessionImpl* session = session_of(transactions_.owner(invite));
    if (session != nullptr && !session->established()) session->on_cancel(cancel);
  }
  void on_transaction_ack(const MessagePtr& ack, const Source& source) override {
    if (SessionImpl* session = find_session(ack->call_id(), ack->to_tag(), ack->from_tag())) session->on_ack(ack, source);
  }
  void on_transaction_response(const ClientRef& ref, const MessagePtr& response, const Source& source) override {
    const Scope scope(*this);
    if (ref.owner == kAgentOwner) return answered(ref.cookie, response, &source);
    if (ref.owner >= SubscriptionTable::kOwner) return subscriptions_.on_response(ref.owner & kSessionMask, *response);
    if (SessionImpl* session = session_of(ref.owner & kSessionMask)) {
      session->on_response(static_cast<RequestKind>(ref.owner >> 56), ref, response, source);
    }
  }
  void on_transaction_failure(const ClientRef& ref, int status) override {
    const Scope scope(*this);   // also called by timers
    if (ref.owner == kAgentOwner) return answered(ref.cookie, nullptr, nullptr);
    if (ref.owner >= SubscriptionTable::kOwner) return subscriptions_.on_failure(ref.owner & kSessionMask, status);
    if (SessionImpl* session = session_of(ref.owner & kSessionMask)) {
      session->on_failure(static_cast<RequestKind>(ref.owner >> 56), ref, status);
    }
  }
  void on_stray_response(const MessagePtr& response, const Source& source) override {
    if (SessionImpl* session = find_session(response->call_id(), response->from_tag(), response->to_tag())) {
      session->on_stray_2xx(response, source);
    }
  }

 private:
  friend class UserAgent;

  SessionImpl& add_session() {
    const std::uint64_t id = ++last_session_;
    return *sessions_.emplace(id, std::make_unique<SessionImpl>(*this, id)).first->second;
  }
  SessionImpl* session_of(std::uint64_t id) {
    const auto found = sessions_.find(id);
    return found != sessions_.end() ? found->second.get() : nullptr;
  }
  const std::string& key_of(std::string_view call_id, std::string_view local_tag, std::string_view remote_tag) {
    scratch_.assign(call_id).append("\n").append(local_tag).append("\n").append(remote_tag);
    return scratch_;
  }
  SessionImpl* find_session(std::string_view call_id, std::string_view local_tag, std::string_view remote_tag) {
    const auto found = dialogs_.find(key_of(call_id, local_tag, remote_tag));
    return found != dialogs_.end() ? session_of(found->second) : nullptr;
  }
  void unwatch_flow(std::uint64_t id, std::uint64_t flow) {
    const auto found = flows_.find(flow);
    if (found == flows_.end()) return;
    found->second.erase(id);
    if (found->second.empty()) flows_.erase(found);
  }
  void answered(std::uint64_t cookie, const MessagePtr& response, const Source* source) {
    auto node = callbacks_.extract(cookie);
    if (!node) return;
    Outside& outside = node.mapped();
    OutgoingRequest* again = outside.again.get();
    if (again == nullptr || response == nullptr ||
        !again->auth->take_challenge(*response, *source, again->target, outside.attempts)) {
      return outside.done(response);
    }
    // RFC 3261 section 8.1.3.5: the same Call-ID, From and To, the next CSeq.
    again->call_id = response->call_id();
    again->from = response->value(HeaderId::kFrom);
    again->cseq = response->cseq().number + 1;
    const auto request = std::move(outside.again);
    send_request(*request, std::move(outside));
  }
  void arm_drain() {
    if (depth_ > 0 || drain_timer_ != 0) return;
    drain_timer_ = timeline.after(base::Duration::zero(), [this](base::TimePoint) {
      drain_timer_ = 0;
      const Scope scope(*this);
    });
  }
  void drain();
  void destroy(std::uint64_t id);
  bool refuse_unsupported(ServerId id, const Message& request);
  void on_invite(ServerId id, const MessagePtr& invite, const Source& source);

  UserAgentHandler& handler_;
  TransactionLayer transactions_;
  SubscriptionTable subscriptions_;
  std::vector<std::string_view> extensions_;   // into config
  RequestChecks checks_;
  std::unordered_map<std::uint64_t, std::unique_ptr<SessionImpl>> sessions_;
  std::unordered_map<std::string, std::uint64_t, TableHash, std::equal_to<>> dialogs_;
  std::unordered_map<std::uint64_t, std::unordered_set<std::uint64_t>> flows_;   // whose peer came by it
  std::unordered_map<std::uint64_t, Outside> callbacks_;
  std::vector<std::uint64_t> ended_, gone_;
  std::vector<std::function<void()>> deferred_;
  std::string scratch_;
  std::uint64_t last_session_ = 0, last_callback_ = 0;
  base::TimerQueue::Id drain_timer_ = 0;
  int depth_ = 0;
  bool shutting_down_ = false;
};

void UserAgent::Impl::drain() {
  while (!deferred_.empty() || !ended_.empty() || !gone_.empty()) {
    for (const auto& callback : std::exchange(deferred_, {})) callback();
    for (const std::uint64_t id : std::exchange(ended_, {})) {
      SessionImpl* session = session_of(id);
      if (session == nullptr) continue;
      session->deliver_end();
      if (!session->lingering()) destroy(id);
    }
    for (const std::uint64_t id : std::exchange(gone_, {})) {
      SessionImpl* session = session_of(id);
      if (session == nullptr) continue;
      if (session->ended()) session->deliver_end();
      destroy(id);
    }
  }
}

void UserAgent::Impl::destroy(std::uint64_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  SessionImpl& session = *found->second;
  const auto key = dialogs_.find(key_of(session.call_id(), session.local_tag(), session.remote_tag()));
  if (key != dialogs_.end() && key->second == id) dialogs_.erase(key);
  unwatch_flow(id, session.source().flow);
  sessions_.erase(found);
}

void UserAgent::Impl::respond(ServerId id, const Reply& reply, std::string_view to_tag, std::string_view lines) {
  const MessagePtr request = transactions_.request(id);
  const Source* source = transactions_.source(id);
  if (request == nullptr || source == nullptr) return;
  const std::string tag = to_tag.empty() ? base::random_token(12) : std::string(to_tag);
  Writer writer = start_response(*request, *source, reply.status, reply.status > 100 ? tag : std::string{}, reply.reason);
  writer.header(HeaderId::kServer, config.product);
  bool allow = false;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (header_from(name) == HeaderId::kAllow) allow = true;
    writer.header(name, value);
  };
  for_each_line(lines, add);
  for (const auto& [name, value] : reply.headers) add(name, value);
  const bool options = request->method() == Method::kOptions && reply.status / 100 == 2;
  if (!allow && (options || reply.status == 405 || reply.status == 501)) writer.header(HeaderId::kAllow, config.allow);
  if (options) writer.header(HeaderId::kSupported, config.supported);
  if (const std::string events = options ? allow_events(config) : std::string(); !events.empty()) {
    writer.header(HeaderId::kAllowEvents, events);
  }
  transactions_.respond(id, reply.status, std::move(writer).finish(reply.content_type, reply.body));
}

// Section 8.2: what no session and no handler need to look at. True: it was answered.
bool UserAgent::Impl::refuse_unsupported(ServerId id, const Message& request) {
  if (request.method() == Method::kOther) {
    respond(id, Reply{501, {}, {}, {}, {}}, {}, {});
    return true;
  }
  const auto failure = check_request(request, checks_);
  if (failure && !(failure->status == 406 && request.lists(HeaderId::kAccept, kEventType))) {
    Reply reply{failure->status, failure->reason, {}, {}, {}};
    if (!failure->header_value.empty()) reply.headers.emplace_back(to_string(failure->header), failure->header_value);
    respond(id, reply, {}, {});
    return true;
  }
  return false;
}

void UserAgent::Impl::on_transaction_request(ServerId id, const MessagePtr& request, const Source& source) {
  if (refuse_unsupported(id, *request)) return;
  const auto answer = [&](int status) { respond(id, Reply{status, {}, {}, {}, {}}, {}, {}); };
  if (!request->to_tag().empty()) {
    SessionImpl* session = find_session(request->call_id(), request->to_tag(), request->from_tag());
    if (session != nullptr) return session->on_request(id, request, source);
    return subscriptions_.on_request(id, request, source) ? void() : answer(481);
  }
  switch (request->method()) {
    case Method::kInvite: return on_invite(id, request, source);
    case Method::kBye:
    case Method::kPrack:
    case Method::kUpdate: return answer(481);   // these live in dialogs alone
    case Method::kSubscribe:
      if (subscriptions_.enabled()) return subscriptions_.on_subscribe(id, request, source, handler_);
      [[fallthrough]];
    default: return handler_.on_request(id, request, source);
  }
}

void UserAgent::Impl::on_invite(ServerId id, const MessagePtr& invite, const Source& source) {
  const auto answer = [&](int status, std::string_view lines, std::string_view reason = {}) {
    respond(id, Reply{status, std::string(reason), {}, {}, {}}, {}, lines);
  };
  if (shutting_down_ || sessions_.size() >= config.max_sessions) return answer(503, "Retry-After: 30\r\n");
  if (!invite->body().empty() && invite->media_type() != "application/sdp") return answer(415, "Accept: application/sdp\r\n");
  SessionImpl& session = add_session();
  if (session.too_short(*invite)) {
    answer(422, "Min-SE: " + std::to_string(config.min_se.count()) + "\r\n");
    return destroy(session.id());
  }
  if (const auto begun = session.begin_called(id, invite, source); !begun) {
    answer(400, {}, begun.error().detail);
    return destroy(session.id());
  }
  SessionHandler* handler = handler_.on_invite(session, invite, source);
  if (handler != nullptr) {
    session.set_handler(handler);
  } else if (!session.ended()) {
    session.reject(Reply{480, {}, {}, {}, {}});
  }
}

void UserAgent::Impl::send_request(const OutgoingRequest& request, Outside outside) {
  if (!outside.done) outside.done = [](const MessagePtr&) {};
  const Method known = method_from(request.method);
  const ClientId id = transactions_.reserve(known);
  if (id == 0 || known == Method::kInvite) {
    transactions_.drop(id);
    return defer([done = std::move(outside.done)] { done(nullptr); });
  }
  const auto address = [](std::string_view text) {
    return text.find('<') != std::string_view::npos ? one_line(text) : "<" + one_line(text) + ">";
  };
  std::string sender = address(request.from);
  if (sender.find(";tag=", sender.rfind('>')) == std::string::npos) sender += ";tag=" + base::random_token(10);
  const std::size_t size = request.body ? request.body->size() : 0;
  std::string head;
  head.reserve(512 + request.headers.size());
  head.append(request.method).append(" ").append(one_line(request.request_uri)).append(" SIP/2.0\r\nVia: SIP/2.0/");
  head.append(to_string(request.target.transport)).append(" ").append(network.local_host(request.target)).append(";rport;branch=");
  transactions_.append_branch(id, head);
  head.append("\r\nMax-Forwards: 70\r\n");
  if (!request.route.empty()) head.append("Route: ").append(one_line(request.route)).append("\r\n");
  head.append("From: ").append(sender).append("\r\nTo: ").append(address(request.to)).append("\r\nCall-ID: ");
  head.append(request.call_id.empty() ? base::random_token(22) : one_line(request.call_id));
  head.append("\r\nCSeq: ").append(std::to_string(request.cseq)).append(" ").append(request.method);
  head.append("\r\nUser-Agent: ").append(config.product).append("\r\n").append(request.headers);
  if (request.auth) head.append(request.auth->lines(request.target, request.method, request.request_uri));
  if (!request.content_type.empty()) head.append("Content-Type: ").append(request.content_type).append("\r\n");
  head.append("Content-Length: ").append(std::to_string(size)).append("\r\n\r\n");
  const bool utf8 = base::valid_utf8(head) && (size == 0 || base::valid_utf8(*request.body));
  if (request.auth) outside.again = std::make_unique<OutgoingRequest>(request);
  callbacks_.emplace(++last_callback_, std::move(outside));
  transactions_.start(id, request.target, Packet{base::share(std::move(head)), request.body, utf8}, kAgentOwner, last_callback_);
}

UserAgent::UserAgent(UserAgentConfig config, base::Timeline& timeline, Network& network, UserAgentHandler& handler)
    : impl_(std::make_unique<Impl>(std::move(config), timeline, network, handler)) {}
UserAgent::~UserAgent() = default;

void UserAgent::on_message(const MessagePtr& message, const Source& source) {
  const Impl::Scope scope(*impl_);
  impl_->transactions_.on_message(message, source);
}
void UserAgent::on_flow_closed(std::uint64_t flow) { impl_->on_flow_closed(flow); }
void UserAgent::on_send_failed(const Target& target) {
  const Impl::Scope scope(*impl_);
  impl_->transactions_.on_send_failed(target);
}
Session& UserAgent::invite(const OutgoingInvite& invite, SessionHandler& handler) { return impl_->invite(invite, handler); }
Session* UserAgent::find(std::string_view call_id, std::string_view local_tag, std::string_view remote_tag) {
  return impl_->find(call_id, local_tag, remote_tag);
}
void UserAgent::send_request(const Target& target, std::string_view method, std::string_view request_uri, std::string_view from,
                             std::string_view to, std::string_view headers, std::string_view content_type,
                             const base::SharedBytes& body, std::function<void(const MessagePtr&)> done) {
  OutgoingRequest request;
  request.target = target;
  request.method = method;
  request.request_uri = request_uri;
  request.from = from;
  request.to = to;
  request.headers = headers;
  request.content_type = content_type;
  request.body = body;
  impl_->send_request(request, {std::move(done), nullptr, {}});
}
void UserAgent::send_request(const OutgoingRequest& request, std::function<void(const MessagePtr&)> done) {
  impl_->send_request(request, {std::move(done), nullptr, {}});
}
std::string UserAgent::contact(const Target& target, std::string_view user) const {
  std::string out = Dialog::contact_value(impl_->network, target);
  if (!user.empty()) out.insert(out.find(':') + 1, escape_user(user) + "@");
  return out;
}
void UserAgent::respond(RequestId id, const Reply& reply) { impl_->respond(id, reply, {}, {}); }
void UserAgent::shut_down(std::string_view reason) { impl_->shut_down(reason); }
std::size_t UserAgent::sessions() const { return impl_->sessions(); }
std::size_t UserAgent::subscriptions() const { return impl_->subscriptions_.size(); }
std::size_t UserAgent::transactions() const { return impl_->transactions_.size(); }

}  // namespace sip
