// The transaction layer: the four machines of RFC 3261 section 17 with the Accepted states of RFC 6026.
// Sans-I/O, one thread. Ids go stale when a transaction ends; stale ids are ignored everywhere.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sip/message.hpp"
#include "sip/network.hpp"
#include "sip/transaction_hash.hpp"
#include "sip/transaction_timers.hpp"

namespace sip {

using ClientId = std::uint64_t;   // 0: none
using ServerId = std::uint64_t;   // 0: none

// Whom a client transaction reports to: numbers, not pointers, so that either side may go first.
struct ClientRef {
  ClientId id = 0;
  std::uint64_t owner = 0;
  std::uint64_t cookie = 0;
};

// The user of the layer (the TU). Any method of the layer may be called from within.
class TransactionUser {
 public:
  virtual ~TransactionUser() = default;
  /// called for each new request but ACK and CANCEL
  virtual void on_transaction_request(ServerId id, const MessagePtr& request, const Source& source) = 0;
  /// called for the tag of a CANCEL's 200, which should be the one of its INVITE's answers (RFC 3261 section 9.2)
  virtual std::string cancel_tag(ServerId invite) = 0;
  /// called when a CANCEL met an INVITE transaction without a final response, after its 200
  virtual void on_transaction_cancel(ServerId invite, const MessagePtr& cancel) = 0;
  /// called for an ACK that acknowledges a 2xx (or nothing)
  virtual void on_transaction_ack(const MessagePtr& ack, const Source& source) = 0;
  /// called when a client transaction got a response; for INVITE also repeated 2xx (RFC 6026 section 7.2)
  virtual void on_transaction_response(const ClientRef& ref, const MessagePtr& response, const Source& source) = 0;
  /// called when a client transaction ended without a final response: 408 timer B or F, 503 the transport failed
  virtual void on_transaction_failure(const ClientRef& ref, int status) = 0;
  /// called for a 2xx to an INVITE whose transaction is over
  virtual void on_stray_response(const MessagePtr& response, const Source& source) = 0;
};

struct TransactionConfig {
  base::Duration t1 = std::chrono::milliseconds(500);
  base::Duration t2 = std::chrono::seconds(4);
  base::Duration t4 = std::chrono::seconds(5);
  std::size_t max_transactions = 200000;
};

// Slots that never move, found by an id that tells when its slot was given to another.
template <typename T>
class Slab {
 public:
  std::uint64_t add() {
    std::uint32_t slot;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    Entry& entry = slots_[slot];
    if (++entry.generation == 0) ++entry.generation;
    entry.used = true;
    ++size_;
    return std::uint64_t{entry.generation} << 32 | slot;
  }
  T* get(std::uint64_t id) {
    const auto slot = static_cast<std::uint32_t>(id);
    if (slot >= slots_.size()) return nullptr;
    Entry& entry = slots_[slot];
    return entry.used && entry.generation == id >> 32 ? &entry.value : nullptr;
  }
  void remove(std::uint64_t id) {
    if (get(id) == nullptr) return;
    const auto slot = static_cast<std::uint32_t>(id);
    slots_[slot].used = false;
    slots_[slot].value = T{};
    free_.push_back(slot);
    --size_;
  }
  std::size_t size() const { return size_; }

 private:
  struct Entry {
    std::uint32_t generation = 0;
    bool used = false;
    T value;
  };
  std::deque<Entry> slots_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

class TransactionLayer {
 public:
  TransactionLayer(const TransactionConfig& config, base::Timeline& timeline, Network& network, TransactionUser& user);

  // From the network.
  void on_message(const MessagePtr& message, const Source& source);
  void on_flow_closed(std::uint64_t flow);
  void on_send_failed(const Target& target);

  // A client transaction in two steps, since its branch is in the request: reserve, write the request, start.
  // 0: the limit is reached. A reserved one that is not started must be dropped.
  ClientId reserve(Method method);
  void append_branch(ClientId id, std::string& out) const;
  // `owner` 0: nobody wants to know. `patience`: timer B or F on a stream, 0: 64*T1.
  void start(ClientId id, const Target& target, Packet packet, std::uint64_t owner, std::uint64_t cookie, base::Duration patience = {});
  void drop(ClientId id) { remove_client(id); }
  // CANCEL for an INVITE without a final response: now, or with its first 1xx (section 9.1). If no final response
  // comes within 64*T1 it ends with a failure of 408. `headers`: whole lines.
  void cancel(ClientId invite, std::string_view headers);
  // A branch for a request that is no transaction: ACK to a 2xx.
  void append_fresh_branch(std::string& out);

  // Server transactions. The request is kept until its final response.
  MessagePtr request(ServerId id);
  const Source* source(ServerId id);
  std::uint64_t owner(ServerId id);
  void set_owner(ServerId id, std::uint64_t owner);
  // `response` is the whole message. A 2xx to an INVITE is retransmitted by the user, by resend().
  void respond(ServerId id, int status, std::string response);
  void resend(ServerId id);

  std::size_t size() const { return clients_.size() + servers_.size(); }

 private:
  enum class State : std::uint8_t { kReserved, kCalling, kTrying, kProceeding, kCompleted, kConfirmed, kAccepted };
  enum Kind : std::uint8_t { kClientRetransmit, kClientLife, kServerRetransmit, kServerLife, kServerTrying };

  // Links of all transactions of one flow or address.
  struct PathLink {
    PathLink* previous = nullptr;
    PathLink* next = nullptr;
    std::uint64_t id = 0;
    std::uint64_t path = 0;   // 0: not linked
  };
  using PathIndex = std::unordered_map<std::uint64_t, PathLink*>;

  struct InviteExtra {
    Packet request;               // for ACK and CANCEL
    Packet ack;
    std::string cancel_headers;
    bool cancel_wanted = false;
    bool cancel_sent = false;
    ClientId cancel = 0;
  };
  struct Client {
    State state = State::kReserved;
    Method method = Method::kOther;
    std::uint64_t mac = 0;
    std::uint64_t owner = 0, cookie = 0;
    Target target;
    Packet packet;                     // UDP alone: a stream needs no copy
    base::Duration interval{};
    TimerLink retransmit, life;
    PathLink path;
    std::unique_ptr<InviteExtra> invite;
  };
  struct Server {
    State state = State::kTrying;
    Method method = Method::kOther;
    bool flow_gone = false;
    std::uint64_t owner = 0;
    MessagePtr request;                // until the final response
    Source source;
    std::uint16_t via_port = 0;        // where a response goes when its connection is gone, or without rport
    bool rport = false;
    std::string key, merge_key;
    Packet response;                   // the last one
    base::Duration interval{};
    TimerLink retransmit, life;
    PathLink path;
  };

  void fire(TimerLink& link);
  void link_path(PathIndex& index, PathLink& link, std::uint64_t id, std::uint64_t path);
  void unlink_path(PathIndex& index, PathLink& link);
  static std::vector<std::uint64_t> ids_of(const PathIndex& index, std::uint64_t path);
  std::uint64_t path_of(const Target& target) const;

  // transaction_client.cpp
  void on_response(const MessagePtr& response, const Source& source);
  void on_invite_response(ClientId id, const MessagePtr& response, const Source& source);
  void on_other_response(ClientId id, const MessagePtr& response, const Source& source);
  void fire_client_retransmit(ClientId id);
  void fire_client_life(ClientId id);
  void fail_client(ClientId id, int status);
  void send_cancel(ClientId invite);
  void send_ack(Client& tx, const Message& response);
  void remove_client(ClientId id);
  void append_id(std::uint64_t id, std::uint64_t mac, std::string& out) const;
  ClientId find_client(std::string_view branch);

  // transaction_server.cpp
  void on_request(const MessagePtr& request, const Source& source);
  void on_known_request(ServerId id, const MessagePtr& request, const Source& source);
  void on_cancel(ServerId id, const MessagePtr& cancel, const Source& source);
  ServerId add_server(const MessagePtr& request, const Source& source, const std::string& key);
  void refuse(const MessagePtr& request, const Source& source, int status);
  void make_key(const Message& request, const Source& source, Method method, std::string& out) const;
  void send_response(Server& tx);
  Target response_target(const Server& tx) const;
  void fire_server_retransmit(ServerId id);
  void remove_server(ServerId id);

  TransactionConfig config_;
  base::Timeline& timeline_;
  Network& network_;
  TransactionUser& user_;
  KeyedHash mac_;
  std::uint64_t fresh_ = 0;
  TimerLists timers_;
  Slab<Client> clients_;
  Slab<Server> servers_;
  PathIndex client_paths_, server_paths_;
  std::unordered_map<std::string, ServerId, TableHash, std::equal_to<>> server_keys_;
  std::unordered_map<std::string, ServerId, TableHash, std::equal_to<>> merge_keys_;
  std::string scratch_;
};

// An ACK for a non-2xx final response (section 17.1.1.3) or a CANCEL (9.1) out of the INVITE's own head.
std::string make_hop_request(std::string_view invite_head, std::string_view method, std::string_view to, std::string_view headers);

}  // namespace sip
