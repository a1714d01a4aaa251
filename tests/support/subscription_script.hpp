// What tests of subscriptions to our events share: a subscriber that records, and a script that subscribes and answers.
#pragma once

#include "support/sip_script.hpp"

namespace test {

class RecordingSubscriber final : public sip::SubscriptionHandler {
 public:
  void on_refresh(sip::Subscription& subscription, std::chrono::seconds expires) override {
    log.push_back("refresh " + std::to_string(expires.count()));
    if (state) EXPECT_TRUE(subscription.notify("application/pidf+xml", state));
  }
  void on_flow_lost(sip::Subscription&) override { log.push_back("flow_lost"); }
  sip::FlowChange on_flow_change(sip::Subscription&, const sip::Message&, const sip::Source&) override { return change; }
  void on_terminated(sip::Subscription&, const sip::SubscriptionEnd& end_of_it) override {
    end = end_of_it;
    ++ended;
  }
  std::vector<std::string> log;
  base::SharedBytes state = base::share("state");
  sip::FlowChange change = sip::FlowChange::kRefuse;
  sip::SubscriptionEnd end{};
  int ended = 0;
};

inline sip::UserAgentConfig presence() {
  sip::UserAgentConfig config;
  config.subscriptions.events = "presence, dialog";
  return config;
}

class SubscriptionTest : public SipScript {
 protected:
  explicit SubscriptionTest(sip::UserAgentConfig config = presence()) : SipScript(std::move(config)) {}

  sip::SubscriptionHandler* on_subscribe(sip::Subscription& added, const sip::MessagePtr&, const sip::Source&) override {
    ++asked;
    subscription = &added;
    if (during_subscribe) during_subscribe(added);
    return refuse ? nullptr : &subscriber;
  }

  Ask ask(const std::string& headers = "Event: presence\nExpires: 600\n") { return {.headers = headers}; }
  void subscribe(const std::string& headers = "Event: presence\nExpires: 600\n", const std::string& call_id = "call-1") {
    feed(request("SUBSCRIBE", {.headers = headers, .call_id = call_id}));
  }
  // Up to the answer of the first NOTIFY.
  void subscribed(const std::string& headers = "Event: presence\nExpires: 600\n") {
    during_subscribe = [](sip::Subscription& s) {
      s.accept();
      EXPECT_TRUE(s.notify("application/pidf+xml", base::share("first")));
    };
    subscribe(headers);
    local_tag = expect("SIP/2.0 200").message->to_tag();
    feed(response(expect("NOTIFY "), 200));
  }
  void refresh(const std::string& headers) { feed(in_dialog("SUBSCRIBE", {.cseq = next_cseq++, .headers = headers})); }
  void tell(const std::string& body) { EXPECT_TRUE(subscription->notify("application/pidf+xml", base::share(body))); }
  static std::string state_of(const Sent& notify) { return std::string(notify.message->value(sip::HeaderId::kSubscriptionState)); }

  RecordingSubscriber subscriber;
  sip::Subscription* subscription = nullptr;
  std::function<void(sip::Subscription&)> during_subscribe;
  bool refuse = false;
  int asked = 0;
};

}  // namespace test
