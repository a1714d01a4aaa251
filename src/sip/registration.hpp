// A registration of ours at a provider (RFC 3261 section 10.2): kept fresh, tried again when it fails, taken back at the end.
// One thread (the agent's). The agent, the timeline and the handler must outlive it; it may be destroyed at any time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/timeline.hpp"
#include "sip/user_agent.hpp"

namespace sip {

struct RegistrationConfig {
  Target target;                          // the outbound proxy's address, else the registrar's
  std::string registrar;                  // "sip:provider.example": the Request-URI
  std::string aor;                        // "sip:alice@provider.example"
  std::string contact_user;               // by which calls that come are told apart
  std::string route;                      // "<sip:proxy.example;lr>", "" : none
  std::chrono::seconds expires{3600};
  std::chrono::seconds retry_base{30}, retry_max{1800};   // RFC 5626 section 4.5
  std::chrono::seconds refused_retry{300};                // after a refusal that trying again won't change soon
  std::shared_ptr<ClientAuth> auth;
};

class RegistrationHandler {
 public:
  virtual ~RegistrationHandler() = default;
  /// called with each 200: for how long
  virtual void on_registered(std::chrono::seconds expires) = 0;
  /// called when it failed (408: no answer); it is tried again after `retry`. Contacts registered before live on till they expire
  virtual void on_registration_failed(int status, const std::string& reason, std::chrono::seconds retry) = 0;
  /// called after close(), once
  virtual void on_unregistered() = 0;
};

class Registration {
 public:
  Registration(UserAgent& agent, base::Timeline& timeline, RegistrationConfig config, RegistrationHandler& handler);
  ~Registration();

  void start();
  // At once: the connection closed, or the address is another (`target`).
  void refresh();
  void set_target(const Target& target);
  void close();

  bool registered() const { return timeline_.now() < expires_at_; }
  // For requests by this provider: Service-Route (RFC 3608), else the configured route.
  const std::string& route() const { return service_route_.empty() ? config_.route : service_route_; }
  const std::string& contact() const { return contact_; }

 private:
  void send();
  void on_response(const MessagePtr& response);
  void on_ok(const Message& response);
  void retry(int status, const Message* response);
  std::chrono::seconds granted(const Message& response) const;
  void again_after(base::Duration delay);

  UserAgent& agent_;
  base::Timeline& timeline_;
  RegistrationConfig config_;
  RegistrationHandler& handler_;
  const std::shared_ptr<bool> alive_;     // false: answers that come are nobody's
  std::string call_id_, from_, contact_, service_route_;
  std::uint32_t cseq_ = 0;
  std::chrono::seconds asked_{};
  base::TimePoint expires_at_{};
  base::TimerQueue::Id timer_ = 0;
  int failures_ = 0, raises_ = 0;
  bool busy_ = false, again_ = false, closing_ = false, closed_ = false, sent_ = false, unregistering_ = false;
};

}  // namespace sip
