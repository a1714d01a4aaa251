// A TCP or TLS connection: bytes in by callbacks, buffers out by gathered writes, limits on both.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/time.hpp"
#include "net/connection_table.hpp"
#include "net/io_threads.hpp"
#include "net/tls.hpp"
#include "net/udp_socket.hpp"

struct ssl_st;

namespace net {

enum class StreamEnd {
  kPeer,          // the peer closed
  kLocal,         // we did
  kError,         // reset, or what TLS does not allow
  kConnect,       // no connection could be made
  kHandshake,     // TLS failed or took too long
  kIdle,          // nothing came for too long
  kSlowReader,    // the peer does not take what is sent to it
};
std::string_view to_string(StreamEnd end);

// What happens on a connection; called on its I/O thread, never from within a call of the connection's methods.
class StreamConnection;
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  /// called when bytes may flow: connected, TLS agreed
  virtual void on_open(const std::shared_ptr<StreamConnection>&) {}
  virtual void on_data(std::string_view bytes) = 0;
  /// called once, last of all, unless the handler was replaced
  virtual void on_closed(StreamEnd end) = 0;
};

// One piece to be written: a few bytes of its own, then shared ones.
struct Chunk {
  base::SharedBytes data;                  // may be null
  std::array<char, 14> prefix{};
  std::uint8_t prefix_size = 0;
  std::size_t size() const { return prefix_size + (data ? data->size() : 0); }
};

struct StreamOptions {
  std::size_t max_queued = 8 << 20;                             // bytes that wait for the peer to read; then it is closed
  base::Duration handshake_timeout = std::chrono::seconds(10);  // to connect and to agree on TLS
  base::Duration idle_timeout = base::Duration::zero();         // zero: none
  base::Duration write_timeout = std::chrono::seconds(30);      // for the peer to take any byte of what waits
};

// Methods on its I/O thread, but post_...() and the plain getters: any. Its table owns it while it is open.
class StreamConnection : public std::enable_shared_from_this<StreamConnection> {
 public:
  struct Setup {
    std::shared_ptr<ConnectionTable> table;        // admit() was called
    SslContext tls;                                // null: plain
    std::string server_name;                       // outgoing TLS: whose certificate is asked for; "" : by address
    StreamOptions options;
  };
  // Any thread; work begins on `thread`.
  static std::shared_ptr<StreamConnection> accept(IoThread& thread, Fd socket, const base::SocketAddress& remote, Setup setup,
                                                  std::shared_ptr<StreamHandler> handler);
  static std::shared_ptr<StreamConnection> connect(IoThread& thread, const base::SocketAddress& remote, Setup setup,
                                                   std::shared_ptr<StreamHandler> handler);
  ~StreamConnection();

  void queue(Chunk chunk);                         // written at the next flush()
  void queue(base::SharedBytes data) { queue(Chunk{std::move(data), {}, 0}); }
  void flush();
  void send(std::string bytes) {
    queue(base::share(std::move(bytes)));
    flush();
  }
  void close();                                    // after what is queued has been written
  void abort(StreamEnd end = StreamEnd::kLocal);   // at once
  void set_handler(std::shared_ptr<StreamHandler> handler) { handler_ = std::move(handler); }
  void set_idle_timeout(base::Duration timeout);
  // Ended as idle at that time, whatever comes until then; kNever: not.
  void set_deadline(base::TimePoint deadline);
  // Nothing is read for that long (the peer's sending stalls by and by); zero: until resume().
  void pause_reading(base::Duration time = base::Duration::zero());
  void resume_reading();
  bool is_open() const { return state_ == State::kOpen; }
  std::size_t queued() const { return queued_; }

  void post_close();
  void post_abort();
  IoThread& thread() const { return thread_; }
  const base::SocketAddress& remote() const { return remote_; }
  const base::SocketAddress& local() const { return local_; }   // known once accepted or open
  bool secure() const { return secure_; }
  // Why TLS failed, as its library says; "" : it didn't. For a log.
  const std::string& tls_failure() const { return tls_failure_; }

 private:
  enum class State { kConnecting, kHandshake, kOpen, kClosing /* writes the rest */, kLingering /* waits for the peer's end */, kClosed };
  StreamConnection(IoThread& thread, const base::SocketAddress& remote, Setup setup, std::shared_ptr<StreamHandler> handler);
  static std::shared_ptr<StreamConnection> start(std::shared_ptr<StreamConnection> connection, Fd socket, bool outgoing);
  void begin(Fd socket, bool outgoing);
  void begin_tls(bool outgoing);
  void on_readable();
  void on_writable();
  void continue_connect();
  void continue_handshake();
  void opened();
  void read_some();
  bool read_once(std::string_view& bytes);         // false: nothing now, or ended
  bool write_plain();                              // false: the peer must read first, or ended
  bool write_tls();
  void written(std::size_t bytes);
  void finish_writing();
  void finish(StreamEnd end);
  void check_deadlines();
  void arm_timer();
  base::TimePoint next_deadline() const;

  IoThread& thread_;
  const base::SocketAddress remote_;
  base::SocketAddress local_;
  Setup setup_;
  const bool secure_;
  std::shared_ptr<StreamHandler> handler_;
  std::unique_ptr<FdWatch> watch_;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<Timer> resume_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
  State state_ = State::kConnecting;
  std::string tls_failure_;
  bool paused_ = false, blocked_ = false, outgoing_ = false, closing_early_ = false;
  std::deque<Chunk> out_;
  std::size_t front_written_ = 0;                  // of the first chunk
  std::size_t queued_ = 0;
  base::TimePoint started_{}, last_read_{}, last_write_{}, armed_ = base::kNever, deadline_ = base::kNever;
};

}  // namespace net
