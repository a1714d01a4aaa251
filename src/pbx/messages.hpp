// MESSAGE outside a call (RFC 3428, spec B.6): to an account's contacts, or kept until it registers.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/timeline.hpp"
#include "bridge/message_policy.hpp"
#include "pbx/accounts.hpp"
#include "pbx/registrar.hpp"
#include "sip/user_agent.hpp"
#include "store/message_store.hpp"

namespace pbx {

struct MessagesConfig {
  bridge::MessagePolicy policy;
  std::chrono::hours max_age{24 * 7};       // of a message that waits; a shorter Expires holds
};

// Thread: the shard's. The sender has been authenticated.
class Messages {
 public:
  using Answer = std::function<void(const sip::Reply&)>;

  // `store` may be null: then nothing waits, and an account that can't be reached is 480.
  Messages(MessagesConfig config, base::Timeline& timeline, Registrar& registrar, store::MessageStore* store);
  void attach(sip::UserAgent& agent) { agent_ = &agent; }
  // Of senders, for who registered without one; before anything is sent.
  void set_domain(std::string domain) { domain_ = std::move(domain); }

  // What is wrong with a message of `sender`, by the same rules as in a call.
  std::optional<sip::Reply> refuse(const std::string& sender, const sip::Message& message);
  // To all contacts of `to`: answered 202 when one has taken it, or when it is on the disk.
  void send(const Account& from, const std::string& to, bool may_wait, const sip::MessagePtr& message, Answer answer);
  // `account` has registered: what waits for it goes out, in order.
  void on_reachable(std::string_view account);
  // The account is gone: what waits for it is deleted, lest another of that name be given it.
  void forget(const std::string& account);

 private:
  struct Fork {
    std::size_t waiting = 0;
    bool taken = false;
    Answer answer;
    store::OfflineMessage message;
    bool may_wait = false;
  };
  store::OfflineMessage record(const Account& from, const std::string& to, const sip::Message& message) const;
  void forward(const Binding& contact, const store::OfflineMessage& message, std::function<void(const sip::MessagePtr&)> done);
  void on_answer(const std::shared_ptr<Fork>& fork, const sip::MessagePtr& response);
  void keep(const std::shared_ptr<Fork>& fork);
  void deliver_next(const std::string& account, std::uint64_t after);
  void stop_delivery(const std::string& account);

  const MessagesConfig config_;
  base::Timeline& timeline_;
  Registrar& registrar_;
  store::MessageStore* store_;
  sip::UserAgent* agent_ = nullptr;
  std::string domain_ = "invalid";
  std::unordered_map<std::string, base::TokenBucket> buckets_;   // by account
  std::unordered_set<std::string> delivering_;                   // accounts whose waiting messages are on their way
  std::unordered_set<std::string> kept_meanwhile_;               // of these, those for whom more came to wait
  std::unordered_set<std::string> nothing_waits_;                // accounts that the store need not be asked for again; bounded
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace pbx
