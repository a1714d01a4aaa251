// The I/O side of the SIP endpoint: one lane for each I/O thread, with its UDP ports and connections. Inside
// runtime alone.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <optional>
#include <vector>

#include "base/bounded_queue.hpp"
#include "base/log.hpp"
#include "net/stream.hpp"
#include "net/udp_socket.hpp"
#include "net/websocket.hpp"
#include "runtime/sip_endpoint.hpp"

namespace runtime {

class SipFlow;
using SipFlowPtr = std::shared_ptr<SipFlow>;

// From I/O to the shard.
struct SipEvent {
  enum class Kind : std::uint8_t { kMessage, kFlowOpened, kFlowClosed, kSendFailed };
  Kind kind = Kind::kMessage;
  bool never_opened = false;         // kFlowClosed: a connection of ours that could not be made
  sip::MessagePtr message;
  sip::Source source;                // of the message or the flow; of kSendFailed the target's fields
  SipFlowPtr flow;                   // kFlowOpened
};

// Many producers; the shard takes all. Messages are refused when it is full, what happens to flows never: of that
// there is no more than there are connections.
class SipInbox {
 public:
  explicit SipInbox(std::size_t capacity) : capacity_(capacity) {}
  // Leaves `batch` empty. True: the shard wants waking, which confirms by woken(). `refused`: messages dropped.
  bool push(std::vector<SipEvent>& batch, std::size_t& refused);
  void wake_failed();
  void take(std::vector<SipEvent>& out);
  bool crowded() const { return size_.load(std::memory_order_relaxed) > capacity_ / 2; }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::vector<SipEvent> events_;
  bool woken_ = false;
  std::atomic<std::size_t> size_ = 0;
};

// From the shard to I/O.
struct SipOutgoing {
  enum class Kind : std::uint8_t { kPacket, kClose, kConnect };
  Kind kind = Kind::kPacket;
  sip::Target target;
  sip::Packet packet;
  SipFlowPtr flow;                   // null: UDP
};

struct AtomicCounters {
  std::atomic<std::uint64_t> received = 0, sent = 0, keep_alives = 0, malformed = 0, rate_limited = 0, banned = 0, inbox_full = 0,
                             outbox_full = 0, send_errors = 0, flows_opened = 0, flows_closed = 0, connections_refused = 0,
                             udp_busy = 0, udp_calm = 0;
};
inline void count(std::atomic<std::uint64_t>& counter, std::uint64_t by = 1) { counter.fetch_add(by, std::memory_order_relaxed); }

class SipIo;
class SipLane;
class SipUdpReader;

// Makes messages of what comes, counts them, and logs those that are malformed. One thread.
class SipIntake {
 public:
  explicit SipIntake(AtomicCounters& counters) : counters_(counters) {}
  // Null: malformed, and `answer` is what to send back, if anything.
  sip::MessagePtr take(std::string bytes, const sip::Source& source, std::optional<std::string>& answer);
  void log_malformed(const sip::Source& source, std::string_view reason, std::string_view bytes);

 private:
  AtomicCounters& counters_;
  base::LogLimit log_limit_;
};

// One UDP socket as its lane's thread sees it: it writes what is much, and reads while it holds the reader.
class SipUdpPort {
 public:
  SipUdpPort(SipLane& lane, net::UdpSocket socket);
  void take_over(std::shared_ptr<SipUdpReader> reader);
  void close();
  void queue(SipOutgoing&& item);
  void write();

 private:
  void read();
  bool give_back();
  net::FdWatch& watch();
  void rest();

  SipLane& lane_;
  net::UdpSocket socket_;
  const int fd_;
  bool open_ = true;
  net::Fd idle_fd_;                  // the descriptor, while it isn't in watch_
  std::unique_ptr<net::FdWatch> watch_;
  std::shared_ptr<SipUdpReader> reader_;   // null: the shard reads
  net::SendBatch out_{256};
  std::vector<SipOutgoing> waiting_;
  std::size_t batched_ = 0;          // of waiting_, in out_ or already sent
  bool blocked_ = false;
};

// What belongs to one I/O thread.
class SipLane {
 public:
  SipLane(SipIo& io, net::IoThread& thread);
  // Any thread.
  net::IoThread& thread() { return thread_; }
  bool give(std::vector<SipOutgoing>& batch);          // false: full, nothing was taken

  // On its thread.
  void emit(SipEvent event);
  void flush_events();
  // A message of `source`: the failure's answer, if any, is to be sent back by the caller.
  std::optional<std::string> take_message(std::string bytes, const sip::Source& source);
  bool allow(const base::SocketAddress& from, base::TimePoint now) { return limiter_.allow(from, now); }
  SipIntake& intake() { return intake_; }
  void log_tls_failure(const sip::Source& source, std::string_view name, std::string_view reason);
  SipIo& io() { return io_; }

  std::unordered_map<std::uint32_t, std::unique_ptr<SipUdpPort>> ports;   // by listener

 private:
  void drain();

  SipIo& io_;
  net::IoThread& thread_;
  net::SourceLimiter limiter_;
  SipIntake intake_;
  base::LogLimit tls_log_limit_;
  std::vector<SipEvent> events_;
  bool flush_posted_ = false;
  base::BoundedQueue<SipOutgoing> outbox_;
  std::vector<SipOutgoing> draining_;
};

// All that the I/O threads share. Held by everything that is posted to them, so that nothing dangles.
class SipIo : public std::enable_shared_from_this<SipIo> {
 public:
  SipIo(net::IoThreads& threads, Shard& shard, SipEndpointConfig config);
  SipLane* lane_of(const net::IoThread& thread);
  void wake_shard();
  std::uint64_t new_flow_id() { return next_flow_.fetch_add(1, std::memory_order_relaxed) + 1; }

  const SipEndpointConfig config;
  Shard& shard;
  std::vector<std::unique_ptr<SipLane>> lanes;
  std::shared_ptr<net::ConnectionTable> table;
  SipInbox inbox;
  AtomicCounters counters;
  net::BanList bans;
  std::atomic<bool> closed = false;
  // Run on the shard: when the inbox has something, and when it shall read a port again.
  std::function<void()> drain;
  std::function<void(std::shared_ptr<SipUdpReader>)> read_udp;

 private:
  std::atomic<std::uint64_t> next_flow_ = 0;
};

// A connection. Made by either side; its methods on its lane's thread.
class SipFlow {
 public:
  SipFlow(std::shared_ptr<SipIo> io, SipLane& lane, sip::Source source) : io_(std::move(io)), lane_(lane), source_(source) {}
  virtual ~SipFlow() = default;
  std::uint64_t id() const { return source_.flow; }
  SipLane& lane() { return lane_; }

  virtual bool queue(const sip::Packet& packet) = 0;    // false: it has closed
  virtual void flush() = 0;
  virtual void close() = 0;
  bool touched = false;                                 // in the batch that is being written

 protected:
  void opened(SipFlowPtr self);
  void closed(bool never_opened);
  void after_message(net::StreamConnection& connection);   // slows a sender of too much down
  const std::shared_ptr<SipIo> io_;
  SipLane& lane_;
  sip::Source source_;
};

// TCP and TLS.
class SipStreamFlow final : public SipFlow, public net::StreamHandler, public std::enable_shared_from_this<SipStreamFlow> {
 public:
  SipStreamFlow(std::shared_ptr<SipIo> io, SipLane& lane, sip::Source source, bool outgoing)
      : SipFlow(std::move(io), lane, source), framer_(io_->config.framer), outgoing_(outgoing) {}
  // Before connect(): whose certificate is asked for, by what.
  void set_tls(std::string server_name, net::SslContext context);
  void connect();
  bool queue(const sip::Packet& packet) override;
  void flush() override;
  void close() override;

  void on_open(const std::shared_ptr<net::StreamConnection>& connection) override;
  void on_data(std::string_view bytes) override;
  void on_closed(net::StreamEnd end) override;

 private:
  std::shared_ptr<net::StreamConnection> connection_;
  std::string server_name_;
  net::SslContext tls_;                                 // null: the configuration's
  sip::StreamFramer framer_;
  const bool outgoing_;
  bool open_ = false, partial_ = false;                 // partial_: a message has begun and is not whole
};

// WS and WSS (RFC 7118).
class SipWebSocketFlow final : public SipFlow, public net::WebSocketHandler, public std::enable_shared_from_this<SipWebSocketFlow> {
 public:
  SipWebSocketFlow(std::shared_ptr<SipIo> io, SipLane& lane, sip::Source source, std::shared_ptr<net::WebSocket> socket)
      : SipFlow(std::move(io), lane, source), socket_(std::move(socket)) {}
  void start() { opened(shared_from_this()); }
  bool queue(const sip::Packet& packet) override;
  void flush() override;
  void close() override;
  void on_message(std::string message, bool text) override;
  void on_closed(net::StreamEnd end) override;

 private:
  std::shared_ptr<net::WebSocket> socket_;
};

}  // namespace runtime
