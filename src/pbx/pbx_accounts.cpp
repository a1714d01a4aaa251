// What ends when an account is deleted or gets another password: all that was allowed by the old one. Calls go on.
#include "pbx/pbx.hpp"

namespace pbx {
namespace {

constexpr std::chrono::seconds kLastWords{2};   // for NOTIFYs that are on their way to a page whose connection is to close

bool is_page(const Binding& binding) {
  const auto transport = binding.target.transport;
  return binding.target.flow != 0 && (transport == sip::Transport::kWs || transport == sip::Transport::kWss);
}

}  // namespace

void Pbx::set_accounts(std::vector<Account> accounts, std::uint64_t as_of) { revoke(accounts_.update(std::move(accounts), as_of)); }
void Pbx::put_account(Account account) { revoke(accounts_.put(std::move(account))); }
void Pbx::remove_account(const std::string& name) { revoke(accounts_.remove(name)); }

void Pbx::revoke(const RevokedAccounts& revoked) {
  if (revoked.empty()) return;
  for (const auto& [name, gone] : revoked) {
    for (const auto& binding : registrar_.find(name, environment_.timeline.now())) {
      if (is_page(binding)) close_later(binding.target.flow);
    }
    registrar_.remove(name);
    webphone_.sign_off(name);
    if (gone) messages_.forget(name);
  }
  presence_.on_revoked(revoked);
  sessions_.on_revoked(revoked);
  std::vector<Call*> calls;
  for (auto& [key, call] : calls_) calls.push_back(call.get());
  for (auto* call : calls) call->end_listeners_of(revoked);
}

// A page finds out by it, and asks its user to sign in anew. Not one that is in a call, nor one that another account has, too.
void Pbx::close_later(std::uint64_t flow) {
  if (!close_flow_) return;
  environment_.timeline.after(kLastWords, [this, weak = std::weak_ptr(alive_), flow](base::TimePoint) {
    if (weak.expired()) return;
    const bool in_call = std::any_of(environment_.legs.begin(), environment_.legs.end(), [&](const auto& leg) {
      return !leg.second->ended() && leg.second->session().source().flow == flow;
    });
    if (!in_call && !registrar_.has_flow(flow)) close_flow_(flow);
  });
}

}  // namespace pbx
