// The registrar and location service (RFC 3261 section 10.3): who can be reached where.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/time.hpp"
#include "sip/message.hpp"
#include "sip/network.hpp"
#include "sip/transaction_hash.hpp"
#include "sip/user_agent.hpp"

namespace pbx {

// One contact of an account, as it registered it.
struct Binding {
  std::string contact;              // the URI, exactly
  sip::Target target;               // where a request to it goes: its flow, or an address
  std::string path;                 // Route for it (RFC 3327), "" : none
  std::string instance;             // +sip.instance with its quotes (RFC 5626), "" : none
  std::uint32_t reg_id = 0;
  double q = 1.0;
  base::TimePoint expires;
  std::string call_id;
  std::uint32_t cseq = 0;
  bool bound_to_flow = false;       // dies with its connection
  const std::string* home = nullptr;   // host and port of the address of record, as it calls this server; the Registrar's; null: unknown
};

struct RegistrarConfig {
  std::chrono::seconds min_expires{60}, max_expires{3600}, default_expires{3600};
  std::size_t max_contacts = 10;    // of one account
};

// Who wants to know whether an account can be reached.
class RegistrarListener {
 public:
  virtual ~RegistrarListener() = default;
  /// called after a REGISTER that left `account` with a contact
  virtual void on_reachable(std::string_view account) = 0;
  /// called when its last contact has gone: unregistered (`orderly`), or with its connection
  virtual void on_unreachable(std::string_view account, bool orderly) = 0;
};

// Thread: the shard's. Requests come here authenticated.
class Registrar {
 public:
  explicit Registrar(RegistrarConfig config) : config_(config) {}
  void set_listener(RegistrarListener& listener) { listener_ = &listener; }

  // REGISTER of `account`: all of its contacts are taken, or none (section 10.3, step 7).
  sip::Reply handle(std::string_view account, const sip::Message& request, const sip::Source& source, base::TimePoint now);
  // The live bindings, highest q first, then newest.
  std::vector<Binding> find(std::string_view account, base::TimePoint now);
  // A page that signs off by the connection that it registered by: that proves it, and a closing page answers no challenge.
  bool signs_off(std::string_view account, const sip::Message& request, const sip::Source& source) const;
  void on_flow_closed(std::uint64_t flow);
  void remove(std::string_view account) { bindings_.erase(std::string(account)); }
  // Does a contact stand on that connection?
  bool has_flow(std::uint64_t flow) const;
  void for_each(const std::function<void(const std::string& account, const std::vector<Binding>&)>& f) const {
    for (const auto& [account, bindings] : bindings_) f(account, bindings);
  }
  std::size_t size() const;

 private:
  using Bindings = std::vector<Binding>;
  base::Result<Bindings> read_contacts(const sip::Message& request, const sip::Source& source, base::TimePoint now, sip::Reply& refusal) const;
  const std::string* home_of(const sip::Uri& address_of_record);
  sip::Reply fetch(const Bindings& bindings, const sip::Message& request, base::TimePoint now) const;
  sip::Reply update(std::string_view account, Bindings& bindings, const sip::Message& request, const sip::Source& source, base::TimePoint now);

  RegistrarConfig config_;
  RegistrarListener* listener_ = nullptr;
  std::unordered_map<std::string, Bindings> bindings_;                    // by account
  std::unordered_multimap<std::uint64_t, std::string> accounts_of_flow_;
  std::unordered_set<std::string, sip::TableHash, std::equal_to<>> homes_;   // a few, of many bindings; bounded
};

}  // namespace pbx
