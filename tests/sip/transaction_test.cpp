// The four machines of RFC 3261 section 17 with RFC 6026, timer by timer.
#include "sip/transaction.hpp"
#include "support/sip_script.hpp"

namespace {

using namespace test;
using sip::ClientId;
using sip::Method;
using sip::ServerId;

class TransactionTest : public ::testing::Test, public sip::TransactionUser {
 protected:
  TransactionTest() : layer_(std::make_unique<sip::TransactionLayer>(sip::TransactionConfig{}, timeline_, network_, *this)) {}

  void on_transaction_request(ServerId id, const sip::MessagePtr& request, const sip::Source&) override {
    log_.push_back("request " + std::string(request->method_text()));
    server_ = id;
  }
  std::string cancel_tag(ServerId) override { return "tag"; }
  void on_transaction_cancel(ServerId invite, const sip::MessagePtr&) override {
    log_.push_back("cancel");
    EXPECT_EQ(invite, server_);
  }
  void on_transaction_ack(const sip::MessagePtr&, const sip::Source&) override { log_.push_back("ack"); }
  void on_transaction_response(const sip::ClientRef& ref, const sip::MessagePtr& response, const sip::Source&) override {
    log_.push_back("response " + std::to_string(response->status()) + " " + std::to_string(ref.cookie));
  }
  void on_transaction_failure(const sip::ClientRef& ref, int status) override {
    log_.push_back("failure " + std::to_string(status) + " " + std::to_string(ref.cookie));
  }
  void on_stray_response(const sip::MessagePtr&, const sip::Source&) override { log_.push_back("stray"); }

  std::vector<std::string> log() { return std::exchange(log_, {}); }
  using Log = std::vector<std::string>;

  ClientId send(const std::string& method, const sip::Source& to, std::uint64_t cookie = 1) {
    const ClientId id = layer_->reserve(sip::method_from(method));
    std::string branch;
    layer_->append_branch(id, branch);
    const std::string text = wire(method + " sip:bob@198.51.100.7:5070 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=" + branch +
                                  "\nMax-Forwards: 70\nRoute: <sip:p1.example;lr>\nRoute: <sip:p2.example;lr>\nFrom: <sip:a@192.0.2.1>;tag=a\n"
                                  "To: <sip:bob@example.org>\nCall-ID: c1\nCSeq: 5 " + method + "\n");
    layer_->start(id, sip::Target::back_to(to), {base::share(text), nullptr, true}, 99, cookie);
    return id;
  }
  Sent sent() {
    if (network_.sent.empty()) {
      ADD_FAILURE() << "nothing was sent";
      return {};
    }
    Sent first = std::move(network_.sent.front());
    network_.sent.pop_front();
    return first;
  }
  void answer(const Sent& request, int status, const std::string& tag = "b") {
    std::string text = "SIP/2.0 " + std::to_string(status) + " X\nVia: " + std::string(request.message->value(sip::HeaderId::kVia)) +
                       "\nFrom: <sip:a@192.0.2.1>;tag=a\nTo: <sip:bob@example.org>;tag=" + tag + "\nCall-ID: c1\nCSeq: " +
                       std::string(request.message->value(sip::HeaderId::kCSeq)) + "\n";
    layer_->on_message(parse(wire(text)), udp());
  }
  std::string ask(const std::string& method, const std::string& branch = "z9hG4bKone", const std::string& to = "",
                  const std::string& via_end = ";rport", std::uint32_t cseq = 1) {
    return wire(method + " sip:room@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.7:5070" + via_end +
                (branch.empty() ? "" : ";branch=" + branch) + "\nMax-Forwards: 70\nFrom: <sip:bob@example.org>;tag=f\nTo: <sip:room@192.0.2.1>" +
                to + "\nCall-ID: c9\nCSeq: " + std::to_string(cseq) + " " + method + "\n");
  }
  void feed(const std::string& text, const sip::Source& source = udp()) { layer_->on_message(parse(text), source); }
  void respond(int status, const std::string& tag = "t") {
    const auto request = layer_->request(server_);
    ASSERT_NE(request, nullptr);
    layer_->respond(server_, status, sip::start_response(*request, *layer_->source(server_), status, tag).finish());
  }
  // When, in milliseconds from now, something was sent within `span`.
  std::vector<int> times(std::chrono::milliseconds span) {
    std::vector<int> when;
    for (int ms = 1; ms <= span.count(); ++ms) {
      timeline_.advance(1ms);
      for (; !network_.sent.empty(); network_.sent.pop_front()) when.push_back(ms);
    }
    return when;
  }

  base::Timeline timeline_;
  FakeNetwork network_;
  std::unique_ptr<sip::TransactionLayer> layer_;
  Log log_;
  ServerId server_ = 0;
};

// RFC 3261 17.1.1.2
TEST_F(TransactionTest, TimersAandB) {
  send("INVITE", udp());
  sent();
  EXPECT_EQ(times(31999ms), (std::vector<int>{500, 1500, 3500, 7500, 15500, 31500}));
  EXPECT_TRUE(log().empty());
  timeline_.advance(1ms);
  EXPECT_EQ(log(), Log{"failure 408 1"});
  EXPECT_EQ(layer_->size(), 0U);
}

// RFC 3261 17.1.1.2
TEST_F(TransactionTest, NoTimerAOnAStreamButTimerB) {
  send("INVITE", websocket());
  sent();
  EXPECT_TRUE(times(32000ms).empty());
  EXPECT_EQ(log(), Log{"failure 408 1"});
}

// RFC 3261 17.1.1.2: a provisional response stops timers A and B
TEST_F(TransactionTest, ClientInviteProceeds) {
  send("INVITE", udp());
  const Sent invite = sent();
  answer(invite, 100);
  answer(invite, 180);
  EXPECT_EQ(log(), (Log{"response 100 1", "response 180 1"}));
  EXPECT_TRUE(times(120000ms).empty());
  EXPECT_EQ(layer_->size(), 1U);
}

// RFC 3261 17.1.1.3 and timer D
TEST_F(TransactionTest, AckForAFinalFailureAndTimerD) {
  send("INVITE", udp());
  const Sent invite = sent();
  answer(invite, 486, "busy");
  const Sent ack = sent();
  EXPECT_EQ(ack.text.substr(0, 38), "ACK sip:bob@198.51.100.7:5070 SIP/2.0\r");
  EXPECT_EQ(ack.message->top_via().branch(), invite.message->top_via().branch());
  EXPECT_EQ(ack.message->cseq().number, 5U);
  EXPECT_EQ(ack.message->method(), Method::kAck);
  EXPECT_EQ(ack.message->to_tag(), "busy");
  EXPECT_EQ(ack.message->values(sip::HeaderId::kRoute).size(), 2U);
  EXPECT_EQ(log(), Log{"response 486 1"});
  answer(invite, 486, "busy");
  EXPECT_EQ(sent().text, ack.text);
  EXPECT_TRUE(log().empty());
  timeline_.advance(31999ms);
  EXPECT_EQ(layer_->size(), 1U);
  timeline_.advance(1ms);
  EXPECT_EQ(layer_->size(), 0U);
}

// RFC 3261 17.1.1.2: timer D is zero on a stream
TEST_F(TransactionTest, NoTimerDOnAStream) {
  send("INVITE", websocket());
  answer(sent(), 486);
  sent();
  EXPECT_EQ(layer_->size(), 0U);
}

// RFC 6026 7.2, 8.4: Accepted and timer M
TEST_F(TransactionTest, ClientAcceptedPassesAll2xx) {
  send("INVITE", udp());
  const Sent invite = sent();
  answer(invite, 200, "one");
  answer(invite, 200, "one");
  answer(invite, 200, "two");
  answer(invite, 486, "three");
  EXPECT_EQ(log(), (Log{"response 200 1", "response 200 1", "response 200 1"}));
  EXPECT_TRUE(network_.sent.empty());
  timeline_.advance(32s);
  EXPECT_EQ(layer_->size(), 0U);
  answer(invite, 200, "one");
  EXPECT_EQ(log(), Log{"stray"});
}

// RFC 3261 17.1.2.2
TEST_F(TransactionTest, TimersEandF) {
  send("MESSAGE", udp());
  sent();
  EXPECT_EQ(times(31999ms), (std::vector<int>{500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500}));
  timeline_.advance(1ms);
  EXPECT_EQ(log(), Log{"failure 408 1"});
}

// RFC 3261 17.1.2.2: T2 while proceeding
TEST_F(TransactionTest, TimerEWhileProceeding) {
  send("MESSAGE", udp());
  const Sent message = sent();
  answer(message, 100);
  EXPECT_EQ(times(9000ms), (std::vector<int>{4000, 8000}));
  answer(message, 200);
  EXPECT_EQ(log(), Log{"response 200 1"});
}

// RFC 3261 17.1.2.2: what timer K is for
TEST_F(TransactionTest, RepeatedFinalResponsesAreSwallowed) {
  send("MESSAGE", udp());
  const Sent message = sent();
  answer(message, 200);
  answer(message, 200);
  timeline_.advance(4s);
  answer(message, 200);
  EXPECT_EQ(log(), Log{"response 200 1"});
  EXPECT_EQ(layer_->size(), 0U);
}

// RFC 3261 17.1.3: branch and method; a guess meets nothing
TEST_F(TransactionTest, ResponsesMatchByBranchAndMethod) {
  send("MESSAGE", udp());
  Sent message = sent();
  std::string text = message.text;
  const auto branch = std::string(message.message->top_via().branch());
  std::string forged = branch;
  forged.back() = forged.back() == '0' ? '1' : '0';
  text.replace(text.find(branch), branch.size(), forged);
  answer({message.target, text, true, parse(text)}, 200);
  EXPECT_TRUE(log().empty());
  std::string other = message.text;
  other.replace(other.find("CSeq: 5 MESSAGE"), 15, "CSeq: 5 INFO");
  other.replace(0, 7, "INFO");
  answer({message.target, other, true, parse(other)}, 200);
  EXPECT_TRUE(log().empty());
  answer(message, 200);
  EXPECT_EQ(log(), Log{"response 200 1"});
}

TEST_F(TransactionTest, BranchesDiffer) {
  std::string a, b, c;
  layer_->append_branch(layer_->reserve(Method::kMessage), a);
  layer_->append_branch(layer_->reserve(Method::kMessage), b);
  layer_->append_fresh_branch(c);
  EXPECT_NE(a, b);
  EXPECT_NE(a, c);
  EXPECT_TRUE(a.starts_with("z9hG4bK") && c.starts_with("z9hG4bK"));
}

// RFC 3261 9.1: CANCEL waits for a provisional response
TEST_F(TransactionTest, CancelWaitsForAProvisional) {
  const ClientId id = send("INVITE", udp());
  const Sent invite = sent();
  layer_->cancel(id, "Reason: SIP;cause=200\r\n");
  EXPECT_TRUE(network_.sent.empty());
  answer(invite, 180);
  const Sent cancel = sent();
  EXPECT_EQ(cancel.message->method(), Method::kCancel);
  EXPECT_EQ(cancel.message->top_via().branch(), invite.message->top_via().branch());
  EXPECT_EQ(cancel.message->value(sip::HeaderId::kReason), "SIP;cause=200");
  EXPECT_EQ(cancel.message->values(sip::HeaderId::kRoute).size(), 2U);
  EXPECT_TRUE(cancel.message->to_tag().empty());
  answer(cancel, 200);
  answer(invite, 487);
  EXPECT_EQ(sent().message->method(), Method::kAck);
  EXPECT_EQ(log(), (Log{"response 180 1", "response 487 1"}));
  EXPECT_TRUE(times(20000ms).empty());
}

// RFC 3261 9.1: 64*T1 after the CANCEL the INVITE is over
TEST_F(TransactionTest, CancelledInviteWithoutAFinalEnds) {
  const ClientId id = send("INVITE", websocket());
  answer(sent(), 180);
  layer_->cancel(id, {});
  log();
  timeline_.advance(32s);
  EXPECT_EQ(log(), Log{"failure 408 1"});
  EXPECT_EQ(layer_->size(), 0U);
}

// RFC 3261 8.1.3.1, survival 8
TEST_F(TransactionTest, AClosedConnectionFailsWhatWaitsOnItInOrder) {
  for (std::uint64_t i = 1; i <= 3; ++i) send("MESSAGE", websocket(7), i);
  send("MESSAGE", websocket(8), 4);
  layer_->on_flow_closed(7);
  EXPECT_EQ(log(), (Log{"failure 503 1", "failure 503 2", "failure 503 3"}));
  EXPECT_EQ(layer_->size(), 1U);
}

// RFC 3261 8.1.3.1
TEST_F(TransactionTest, AFailedSendIsA503) {
  send("MESSAGE", udp(5070), 1);
  send("MESSAGE", udp(5071), 2);
  layer_->on_send_failed(sip::Target::back_to(udp(5071)));
  EXPECT_EQ(log(), Log{"failure 503 2"});
}

// RFC 3261 17.2.1: 100 within 200 ms
TEST_F(TransactionTest, TryingAfter200ms) {
  feed(ask("INVITE"));
  EXPECT_TRUE(times(199ms).empty());
  timeline_.advance(1ms);
  EXPECT_EQ(sent().message->status(), 100);
  feed(ask("INVITE"));
  EXPECT_EQ(sent().message->status(), 100);
  respond(180);
  sent();
  feed(ask("INVITE"));
  EXPECT_EQ(sent().message->status(), 180);
  EXPECT_EQ(log(), Log{"request INVITE"});
}

// RFC 3261 17.2.1: timers G and H
TEST_F(TransactionTest, TimersGandH) {
  feed(ask("INVITE"));
  respond(486);
  sent();
  EXPECT_EQ(times(31999ms), (std::vector<int>{500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500}));
  EXPECT_EQ(layer_->size(), 1U);
  timeline_.advance(1ms);
  EXPECT_EQ(layer_->size(), 0U);
}

// RFC 3261 17.2.1: timer I
TEST_F(TransactionTest, AckStopsTimerGAndTimerIAbsorbsMore) {
  feed(ask("INVITE"));
  respond(486);
  sent();
  feed(ask("ACK", "z9hG4bKone", ";tag=t"));
  EXPECT_TRUE(times(4999ms).empty());
  feed(ask("ACK", "z9hG4bKone", ";tag=t"));
  feed(ask("INVITE"));
  EXPECT_EQ(log(), Log{"request INVITE"});
  EXPECT_EQ(layer_->size(), 1U);
  timeline_.advance(1ms);
  EXPECT_EQ(layer_->size(), 0U);
}

// RFC 6026 7.1, 8.7: Accepted and timer L
TEST_F(TransactionTest, ServerAcceptedAbsorbsInvitesAndPassesAcks) {
  feed(ask("INVITE"));
  respond(200);
  sent();
  feed(ask("INVITE"));
  EXPECT_TRUE(network_.sent.empty());
  layer_->resend(server_);
  EXPECT_EQ(sent().message->status(), 200);
  feed(ask("ACK", "z9hG4bKtwo", ";tag=t"));
  EXPECT_EQ(log(), (Log{"request INVITE", "ack"}));
  timeline_.advance(31999ms);
  EXPECT_EQ(layer_->size(), 1U);
  timeline_.advance(1ms);
  EXPECT_EQ(layer_->size(), 0U);
}

// RFC 3261 17.2.2: timer J; spec enhanced-messaging A.1: a retransmitted MESSAGE is processed once
TEST_F(TransactionTest, TimerJ) {
  feed(ask("MESSAGE"));
  feed(ask("MESSAGE"));
  EXPECT_TRUE(network_.sent.empty());
  respond(202);
  const Sent first = sent();
  feed(ask("MESSAGE"));
  EXPECT_EQ(sent().text, first.text);
  EXPECT_EQ(log(), Log{"request MESSAGE"});
  timeline_.advance(31999ms);
  feed(ask("MESSAGE"));
  EXPECT_EQ(log().size(), 0U);
  timeline_.advance(1ms);
  EXPECT_EQ(layer_->size(), 0U);
}

// RFC 3261 17.2.2: timer J is zero on a stream
TEST_F(TransactionTest, NoTimerJOnAStream) {
  feed(ask("MESSAGE"), websocket());
  respond(202);
  EXPECT_EQ(layer_->size(), 0U);
}

TEST_F(TransactionTest, ARequestThatNobodyAnswersGoesStale) {
  feed(ask("MESSAGE"));
  timeline_.advance(32s);
  EXPECT_EQ(layer_->size(), 0U);
  EXPECT_EQ(layer_->request(server_), nullptr);
  layer_->respond(server_, 200, "x");
  EXPECT_TRUE(network_.sent.empty());
}

// RFC 3261 17.2.3: sent-by is part of the key
TEST_F(TransactionTest, SameBranchOfAnotherSenderIsAnother) {
  feed(ask("INFO", "z9hG4bKone", ";tag=x"));
  std::string other = ask("INFO", "z9hG4bKone", ";tag=x");
  other.replace(other.find("198.51.100.7:5070"), 17, "198.51.100.8:5070");
  feed(other);
  EXPECT_EQ(log().size(), 2U);
}

// RFC 7118 5: one connection, one client
TEST_F(TransactionTest, AWebSocketsTransactionsAreItsOwn) {
  feed(ask("INVITE"), websocket(7));
  feed(ask("CANCEL"), websocket(8));
  EXPECT_EQ(log(), Log{"request INVITE"});
  EXPECT_EQ(sent().message->status(), 481);
}

// RFC 3261 17.2.3: RFC 2543 clients, without the magic cookie
TEST_F(TransactionTest, Rfc2543Matching) {
  feed(ask("INVITE", ""));
  feed(ask("INVITE", ""));
  EXPECT_EQ(sent().message->status(), 100);
  EXPECT_EQ(log(), Log{"request INVITE"});
  respond(486);
  EXPECT_EQ(sent().message->status(), 486);
  feed(ask("ACK", "", ";tag=t"));
  EXPECT_TRUE(times(4000ms).empty());
  feed(ask("INVITE", "", "", ";rport", 2));
  EXPECT_EQ(log(), Log{"request INVITE"});
}

// RFC 3261 9.2
TEST_F(TransactionTest, CancelMatchesItsInvite) {
  feed(ask("INVITE"));
  feed(ask("CANCEL"));
  const Sent ok = sent();
  EXPECT_EQ(ok.message->status(), 200);
  EXPECT_EQ(ok.message->to_tag(), "tag");
  EXPECT_EQ(log(), (Log{"request INVITE", "cancel"}));
  feed(ask("CANCEL", "z9hG4bKother"));
  EXPECT_EQ(sent().message->status(), 481);
}

// RFC 3261 8.2.2.2
TEST_F(TransactionTest, MergedRequestsGet482) {
  feed(ask("INVITE", "z9hG4bKone"));
  feed(ask("INVITE", "z9hG4bKtwo"));
  EXPECT_EQ(sent().message->status(), 482);
  EXPECT_EQ(log(), Log{"request INVITE"});
  feed(ask("INVITE", "z9hG4bKthree", "", ";rport", 2));
  EXPECT_EQ(log(), Log{"request INVITE"});
}

// RFC 3581 4, RFC 3261 18.2.2
TEST_F(TransactionTest, ResponsesGoBackByRportOrToSentBy) {
  feed(ask("OPTIONS", "z9hG4bKone"), udp(61000));
  respond(200);
  EXPECT_EQ(sent().target.remote.port(), 61000);
  feed(ask("OPTIONS", "z9hG4bKtwo", "", "", 2), udp(61000));
  respond(200);
  const Sent second = sent();
  EXPECT_EQ(second.target.remote.to_string(), "198.51.100.7:5070");
  feed(ask("OPTIONS", "z9hG4bKthree", "", ";rport", 3), websocket(7));
  respond(200);
  EXPECT_EQ(sent().target.flow, 7U);
}

// RFC 3261 18.2.2: the connection is gone
TEST_F(TransactionTest, AResponseFindsAnotherConnectionForTcpButNotForWs) {
  feed(ask("OPTIONS"), stream(sip::Transport::kTcp, 3));
  layer_->on_flow_closed(3);
  respond(200);
  const Sent response = sent();
  EXPECT_EQ(response.target.flow, 0U);
  EXPECT_EQ(response.target.remote.to_string(), "198.51.100.7:5070");
  feed(ask("OPTIONS", "z9hG4bKtwo", "", ";rport", 2), websocket(4));
  layer_->on_flow_closed(4);
  respond(200);
  EXPECT_TRUE(network_.sent.empty());
}

// Survival 7: bounded, with room left for what is on
TEST_F(TransactionTest, AFullTableRefusesNewRequestsFirst) {
  layer_ = std::make_unique<sip::TransactionLayer>(sip::TransactionConfig{.max_transactions = 10}, timeline_, network_, *this);
  for (std::uint32_t i = 1; i <= 9; ++i) feed(ask("MESSAGE", "z9hG4bK" + std::to_string(i), "", ";rport", i));
  EXPECT_TRUE(network_.sent.empty());
  feed(ask("MESSAGE", "z9hG4bKa", "", ";rport", 20));
  EXPECT_EQ(sent().message->status(), 503);
  feed(ask("MESSAGE", "z9hG4bKb", ";tag=t", ";rport", 21));
  EXPECT_TRUE(network_.sent.empty());
  feed(ask("MESSAGE", "z9hG4bKc", ";tag=t", ";rport", 22));
  EXPECT_EQ(sent().message->value(sip::HeaderId::kRetryAfter), "30");
  EXPECT_EQ(layer_->reserve(Method::kMessage), 0U);
  EXPECT_EQ(layer_->size(), 10U);
}

TEST_F(TransactionTest, StaleIdsAreIgnored) {
  const ClientId id = send("MESSAGE", udp());
  const Sent first = sent();
  answer(first, 200);
  send("MESSAGE", udp(), 2);   // the same slot again
  answer(first, 200);
  layer_->cancel(id, {});
  EXPECT_EQ(log(), Log{"response 200 1"});
}

}  // namespace
