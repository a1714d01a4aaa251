// Queues and supervision: who waits, who may see and touch the calls of others, and who takes them.
#include "base/text.hpp"
#include "pbx/pbx.hpp"

namespace pbx {

// A SIP phone of an account has no client; a line's client is no account, whatever number it was given.
SessionScope Pbx::session_scope(const std::string& account) const {
  const auto* client = webphone_.find(account);
  if (client && !client->extension) return {.all = client->may.supervise, .queues = {}};
  if (accounts_.find(account) == nullptr) return {};
  SessionScope scope{.all = webphone_.is_supervisor(account), .queues = {}};
  for (const auto* queue : queues_.of_agent(account)) scope.queues.push_back(queue->name);
  return scope;
}

void Pbx::on_queue_event(QueueEvent event, const std::string& queue, const Call& call) {
  if (!observer_) return;
  const auto* config = queues_.find(queue);
  observer_->on_queue(event, queue, call.info(), config ? queues_.waiting(*config).size() : 0);
}

// An INVITE to a queue.
sip::SessionHandler* Pbx::enter_queue(sip::Session& session, const sip::Message& invite, bridge::Party caller, const std::string& name) {
  const auto* queue = queues_.find(name);
  const int status = !queue ? 404 : queues_.is_full(*queue) ? 486 : calls_.size() >= config_.max_calls ? 503 : 0;
  if (status != 0) {
    session.reject({.status = status, .reason = status == 486 ? "The Queue Is Full" : ""});
    return nullptr;
  }
  return add_call().wait(session, invite, std::move(caller), *queue);
}

int Pbx::place_in_queue(const std::string& name, const std::function<std::unique_ptr<bridge::Leg>()>& take) {
  const auto* queue = queues_.find(name);
  if (!queue) return 404;
  if (queues_.is_full(*queue)) return 486;
  if (calls_.size() >= config_.max_calls) return 503;
  auto& call = add_call();   // before its caller is taken out of the other
  call.wait(take(), *queue);
  return 200;
}

// An agent's INVITE to a pickup number. Who is no agent learns nothing of it.
sip::SessionHandler* Pbx::take_from_queue(sip::Session& session, const sip::Message& invite, bridge::Party agent, const std::string& pickup) {
  const auto scope = session_scope(agent.account);
  const auto refuse = [&](int status, std::string reason) {
    session.reject({.status = status, .reason = std::move(reason)});
    return nullptr;
  };
  if (scope.queues.empty()) return refuse(403, "Not An Agent");
  auto* call = queues_.find_pickup(pickup);
  if (!call) return refuse(410, "Taken By Another Agent");
  if (!scope.agent_of(call->waiting_in()->name)) return refuse(403, "Not An Agent Of This Queue");
  return call->take(session, invite, std::move(agent));
}

base::Result<const WebphoneClient*> Pbx::find_bearer(std::string_view credentials, const base::SocketAddress& remote) {
  const sip::Source source{.remote = remote};
  if (over_rate(source)) return base::fail(base::ErrorCode::kUnavailable, "too many requests");
  if (const auto* client = webphone_.bearer(credentials)) return client;
  return base::fail(base::ErrorCode::kDenied);
}

Call* Pbx::find_call(std::string_view id) {
  for (auto& [key, call] : calls_) {
    const auto info = call->info();
    if (info.id == id && info.state != CallInfo::State::kEnded) return call.get();
  }
  return nullptr;
}

// Without the privilege: agents end what they see; of anything else it isn't said whether it is there.
base::Status Pbx::supervise(const WebphoneClient& by, std::string_view session, const SessionAction& action) {
  auto* call = find_call(session);
  const auto scope = session_scope(by.number);
  const bool own_end = action.kind == SessionAction::Kind::kHangUp && call && sessions_.sees(by.number, call->info());
  if (!scope.all && !own_end) return base::fail(base::ErrorCode::kDenied, "the privilege \"supervise\" is missing");
  if (!call) return base::fail(base::ErrorCode::kNotFound, "there is no such session");
  const auto* account = accounts_.find(by.number);
  return act(*call, action, account ? party_of(*account) : bridge::Party{});
}

base::Status Pbx::act_on_call(std::string_view id, const SessionAction& action) {
  auto* call = find_call(id);
  if (!call) return base::fail(base::ErrorCode::kNotFound, "there is no call of that id");
  bridge::Party by;
  if (action.kind == SessionAction::Kind::kListen || action.kind == SessionAction::Kind::kStopListen) {
    const auto* account = accounts_.find(action.number);
    if (!account) return base::fail(base::ErrorCode::kNotFound, "there is no account or client of that number");
    by = party_of(*account);
  }
  return act(*call, action, by);
}

// `by`: whose rights hold for numbers, and who is called to listen.
base::Status Pbx::act(Call& call, const SessionAction& action, const bridge::Party& by) {
  using Kind = SessionAction::Kind;
  switch (action.kind) {
    case Kind::kHangUp: call.end_all("SIP;cause=200;text=\"Ended from outside\""); return {};
    case Kind::kHold: return call.hold_both(true);
    case Kind::kUnhold: return call.hold_both(false);
    case Kind::kDtmf: return call.press(action.number, action.keys);
    case Kind::kStopListen: return call.stop_listening(by.account);
    case Kind::kListen: {
      const auto* account = accounts_.find(by.account);
      auto target = account ? target_account(*account) : CallTarget::refused(404);
      if (target.kind != CallTarget::Kind::kBranches) return base::fail(base::ErrorCode::kConflict, "the listener can't be reached");
      return call.listen(std::move(target.branches));
    }
    case Kind::kTransfer:
      if (!call.has_party(true, action.transferor) && !call.has_party(false, action.transferor)) {
        return base::fail(base::ErrorCode::kNotFound, "nobody of the transferor's number is in the call");
      }
      break;
    case Kind::kForward: break;
  }
  auto target = by.account.empty() ? refuse_full(resolve({.kind = DialCaller::Kind::kApi, .name = {}, .line = {}}, by, action.number)) : find_target(by, action.number);
  if (target.status == 486) return base::fail(base::ErrorCode::kConflict, "the number is busy, or there is no place (486)");
  if (!target.ok()) return base::fail(target.status == 403 ? base::ErrorCode::kDenied : base::ErrorCode::kNotFound, fmt::format("the number can't be reached ({})", target.status));
  if (action.kind == Kind::kForward) return call.forward_ringing(target);
  const int status = call.transfer(call.has_party(false, action.transferor), target);
  if (status == 202) return {};
  return base::fail(base::ErrorCode::kConflict, status == 409 ? std::string("the call is not up, or is being transferred") : fmt::format("the transfer failed ({})", status));
}

std::vector<Pbx::QueueStatus> Pbx::list_queues() const {
  std::vector<QueueStatus> result;
  for (const auto& queue : queues_.configs()) {
    QueueStatus status{.name = queue.name, .agents = queue.agents, .waiting = {}};
    for (const auto* call : queues_.waiting(queue)) status.waiting.push_back(call->info());
    result.push_back(std::move(status));
  }
  return result;
}

}  // namespace pbx
