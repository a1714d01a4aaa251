// One trunk: its addresses, its registration, and whether it answers. Inside pbx alone.
#pragma once

#include "pbx/trunks.hpp"
#include "sip/registration.hpp"

namespace pbx {

// Thread: the shard's.
class Trunks::Trunk final : public sip::RegistrationHandler {
 public:
  Trunk(TrunkConfig config, base::Timeline& timeline, const ResolveTarget& resolve);
  ~Trunk() override;

  void begin(sip::UserAgent& agent);
  void close();
  bool closed() const { return !registration_ || unregistered_; }

  base::Result<TrunkCall> prepare(std::string_view number, const bridge::Party& from, std::string_view caller_number) const;
  bool has_address(const sip::Source& source) const;
  bool is_contact(std::string_view user) const { return config_.registers && user == contact_user_; }
  bool is_user(std::string_view user) const { return !user.empty() && (user == config_.username || user == config_.number); }
  void note_call(int change);
  void note_silence(const base::SocketAddress& address);
  void on_connection_closed(const sip::Source& source);
  const TrunkConfig& config() const { return config_; }
  TrunkStatus status() const;

  // sip::RegistrationHandler
  void on_registered(std::chrono::seconds expires) override;
  void on_registration_failed(int status, const std::string& reason, std::chrono::seconds retry) override;
  void on_unregistered() override { unregistered_ = true; }

 private:
  struct Address {
    base::SocketAddress where;
    base::TimePoint silent_until{};
  };
  const std::string& next_hop() const { return config_.outbound_proxy.empty() ? config_.server : config_.outbound_proxy; }
  sip::Target target(const base::SocketAddress& address) const { return {transport_, address, 0, 0}; }
  void look_up();
  void look_up_after(base::Duration delay);
  void on_found(std::vector<base::SocketAddress> found);
  void start_registration();
  bool is_silent(const Address& address) const { return address.silent_until > timeline_.now(); }
  const Address* usable() const;
  std::vector<sip::Target> other_targets(const Address& first) const;
  bool answers() const;
  void try_next();
  void probe();
  void probe_after(base::Duration delay);
  void on_probed(const base::SocketAddress& address, bool answered);
  void set_silent(const base::SocketAddress& address, base::Duration time);
  void set_answering(const base::SocketAddress& address);
  std::string caller_user(const bridge::Party& from, std::string_view caller_number) const;

  const TrunkConfig config_;
  base::Timeline& timeline_;
  const ResolveTarget& resolve_;
  sip::UserAgent* agent_ = nullptr;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);   // false: answers that come are nobody's
  const sip::Transport transport_;
  const std::string contact_user_;               // unguessable: who calls it was told so by the provider
  std::string host_, domain_, route_;
  std::shared_ptr<sip::PeerCredentials> credentials_;
  std::shared_ptr<sip::ClientAuth> auth_;
  std::unique_ptr<sip::Registration> registration_;
  std::vector<Address> addresses_;               // of the next hop, in order
  std::vector<base::SocketAddress> server_addresses_;   // where an outbound proxy is the next hop
  std::size_t current_ = 0;                      // in addresses_
  std::size_t tried_ = 0;                        // addresses that failed in a row to register
  base::Duration lookup_delay_;
  base::TimerQueue::Id lookup_timer_ = 0, probe_timer_ = 0, refresh_timer_ = 0;
  base::TimePoint refreshed_{};
  bool answered_probe_ = false, probing_ = false, unregistered_ = false, closing_ = false;
  bool told_unresolved_ = false, told_silent_ = false, told_registered_ = false;
  int last_status_ = 0;
  std::size_t calls_ = 0;
};

}  // namespace pbx
