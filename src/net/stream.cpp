#include "net/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>

namespace net {

namespace {

constexpr base::Duration kLinger = std::chrono::seconds(1);
constexpr std::size_t kReadSize = 64 * 1024;
constexpr int kReadsAtOnce = 8;             // then other connections get their turn
constexpr std::size_t kTlsRecord = 16 * 1024;

base::TimePoint clock_now() { return std::chrono::steady_clock::now(); }

base::SocketAddress name_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return base::SocketAddress::from(reinterpret_cast<sockaddr*>(&storage));
}

}  // namespace

std::string_view to_string(StreamEnd end) {
  switch (end) {
    case StreamEnd::kPeer: return "closed by the peer";
    case StreamEnd::kLocal: return "closed here";
    case StreamEnd::kError: return "connection error";
    case StreamEnd::kConnect: return "could not connect";
    case StreamEnd::kHandshake: return "TLS handshake failed";
    case StreamEnd::kIdle: return "idle for too long";
    case StreamEnd::kSlowReader: return "reads too slowly";
  }
  return "";
}

StreamConnection::StreamConnection(IoThread& thread, const base::SocketAddress& remote, Setup setup,
                                   std::shared_ptr<StreamHandler> handler)
    : thread_(thread), remote_(remote), setup_(std::move(setup)), secure_(setup_.tls != nullptr), handler_(std::move(handler)),
      ssl_(nullptr, SSL_free) {}

StreamConnection::~StreamConnection() = default;

std::shared_ptr<StreamConnection> StreamConnection::start(std::shared_ptr<StreamConnection> connection, Fd socket, bool outgoing) {
  connection->setup_.table->add(connection);
  connection->thread_.post([connection, outgoing, fd = std::make_shared<Fd>(std::move(socket))] {
    connection->begin(std::move(*fd), outgoing);
  });
  return connection;
}

std::shared_ptr<StreamConnection> StreamConnection::accept(IoThread& thread, Fd socket, const base::SocketAddress& remote, Setup setup,
                                                           std::shared_ptr<StreamHandler> handler) {
  std::shared_ptr<StreamConnection> connection(new StreamConnection(thread, remote, std::move(setup), std::move(handler)));
  connection->local_ = name_of(socket.get());
  return start(std::move(connection), std::move(socket), false);
}

std::shared_ptr<StreamConnection> StreamConnection::connect(IoThread& thread, const base::SocketAddress& remote, Setup setup,
                                                            std::shared_ptr<StreamHandler> handler) {
  std::shared_ptr<StreamConnection> connection(new StreamConnection(thread, remote, std::move(setup), std::move(handler)));
  return start(std::move(connection), Fd(), true);
}

void StreamConnection::begin(Fd socket, bool outgoing) {
  if (state_ == State::kClosed) return;
  outgoing_ = outgoing;
  started_ = last_read_ = last_write_ = clock_now();
  bool connecting = false;
  if (outgoing) {
    socket = Fd(::socket(remote_.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    sockaddr_storage storage{};
    const socklen_t length = remote_.to(storage);
    if (socket) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!socket || (::connect(socket.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0 && errno != EINPROGRESS)) {
      return finish(StreamEnd::kConnect);
    }
    connecting = true;
  }
  watch_ = std::make_unique<FdWatch>(
      thread_, socket.release(), [this] { on_readable(); }, [this] { on_writable(); });
  timer_ = std::make_unique<Timer>(thread_, [this] { check_deadlines(); });
  if (connecting) {
    watch_->watch_write();
  } else if (secure_) {
    begin_tls(false);
  } else {
    opened();
  }
  if (state_ != State::kClosed) arm_timer();
}

void StreamConnection::begin_tls(bool outgoing) {
  state_ = State::kHandshake;
  ssl_.reset(SSL_new(setup_.tls.get()));
  setup_.tls.reset();
  if (!ssl_ || SSL_set_fd(ssl_.get(), watch_->fd()) != 1) return finish(StreamEnd::kHandshake);
  if (outgoing) {
    SSL_set_connect_state(ssl_.get());
    if (setup_.server_name.empty()) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), remote_.ip().c_str());
    } else {
      SSL_set_tlsext_host_name(ssl_.get(), setup_.server_name.c_str());
      SSL_set1_host(ssl_.get(), setup_.server_name.c_str());
    }
  } else {
    SSL_set_accept_state(ssl_.get());
  }
  continue_handshake();
}

void StreamConnection::continue_connect() {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(watch_->fd(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return finish(StreamEnd::kConnect);
  local_ = name_of(watch_->fd());
  if (secure_) {
    begin_tls(true);
  } else {
    opened();
  }
}

void StreamConnection::continue_handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return opened();
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ) {
    watch_->watch_read();
  } else if (error == SSL_ERROR_WANT_WRITE) {
    watch_->watch_write();
  } else {
    const auto verified = SSL_get_verify_result(ssl_.get());
    const char* reason = verified != X509_V_OK ? X509_verify_cert_error_string(verified) : ERR_reason_error_string(ERR_peek_last_error());
    if (reason != nullptr) tls_failure_ = reason;
    finish(StreamEnd::kHandshake);
  }
}

void StreamConnection::opened() {
  state_ = State::kOpen;
  last_read_ = last_write_ = clock_now();
  if (!paused_) watch_->watch_read();
  const auto self = shared_from_this();
  if (handler_) std::shared_ptr(handler_)->on_open(self);
  if (state_ != State::kOpen) return;
  if (closing_early_) return close();
  flush();
  if (ssl_ && state_ == State::kOpen && !paused_) read_some();   // came with the handshake's last bytes
}

void StreamConnection::on_readable() {
  const auto self = shared_from_this();
  if (state_ == State::kHandshake) return continue_handshake();
  read_some();
}

void StreamConnection::on_writable() {
  const auto self = shared_from_this();
  if (state_ == State::kConnecting) return continue_connect();
  if (state_ == State::kHandshake) return continue_handshake();
  blocked_ = false;
  flush();
}

bool StreamConnection::read_once(std::string_view& bytes) {
  static thread_local const auto buffer = std::make_unique<char[]>(kReadSize);
  if (ssl_) {
    ERR_clear_error();
    const int result = SSL_read(ssl_.get(), buffer.get(), kReadSize);
    if (result > 0) {
      bytes = {buffer.get(), static_cast<std::size_t>(result)};
      return true;
    }
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) {
      watch_->watch_read();
    } else if (error == SSL_ERROR_WANT_WRITE) {
      watch_->watch_write();
      watch_->watch_read();
    } else {
      finish(error == SSL_ERROR_ZERO_RETURN ? StreamEnd::kPeer : StreamEnd::kError);
    }
    return false;
  }
  const auto result = ::recv(watch_->fd(), buffer.get(), kReadSize, MSG_DONTWAIT);
  if (result > 0) {
    bytes = {buffer.get(), static_cast<std::size_t>(result)};
    return true;
  }
  if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    watch_->watch_read();
  } else {
    finish(result == 0 ? StreamEnd::kPeer : StreamEnd::kError);
  }
  return false;
}

void StreamConnection::read_some() {
  for (int i = 0; i < kReadsAtOnce; ++i) {
    if (state_ == State::kClosed || (paused_ && state_ == State::kOpen)) return;
    std::string_view bytes;
    if (!read_once(bytes)) return;
    last_read_ = clock_now();
    if (state_ != State::kOpen || !handler_) continue;   // lingering: what still comes is of no interest
    const auto handler = handler_;                       // may be replaced from within
    handler->on_data(bytes);
    // A plain socket that gave less than asked for is empty: one system call less.
    if (!ssl_ && bytes.size() < kReadSize) break;
  }
  if (state_ == State::kClosed || (paused_ && state_ == State::kOpen)) return;
  if (ssl_ && SSL_pending(ssl_.get()) > 0) {
    thread_.post([self = shared_from_this()] {
      if (self->state_ != State::kClosed && !self->paused_) self->read_some();
    });
  } else {
    watch_->watch_read();
  }
}

void StreamConnection::queue(Chunk chunk) {
  const auto size = chunk.size();
  if (size == 0 || state_ == State::kClosed || state_ == State::kClosing || state_ == State::kLingering) return;
  if (queued_ == 0) last_write_ = clock_now();
  queued_ += size;
  out_.push_back(std::move(chunk));
}

void StreamConnection::flush() {
  const bool early = state_ == State::kConnecting || state_ == State::kHandshake;
  if (!early && state_ != State::kOpen && state_ != State::kClosing) return;
  if (!early && !blocked_) {
    const bool all = ssl_ ? write_tls() : write_plain();
    if (state_ != State::kOpen && state_ != State::kClosing) return;
    if (all && state_ == State::kClosing) return finish_writing();
    if (!all) {
      blocked_ = true;
      watch_->watch_write();
      arm_timer();
    }
  }
  if (queued_ > setup_.options.max_queued) finish(StreamEnd::kSlowReader);
}

bool StreamConnection::write_plain() {
  constexpr std::size_t kVectors = 256;
  std::array<iovec, kVectors> vectors;
  while (!out_.empty()) {
    std::size_t count = 0, skip = front_written_, total = 0;
    const auto add = [&](const char* data, std::size_t size) {
      if (skip >= size) {
        skip -= size;
        return;
      }
      vectors[count++] = {const_cast<char*>(data) + skip, size - skip};
      total += size - skip;
      skip = 0;
    };
    for (const auto& chunk : out_) {
      if (count + 2 > kVectors) break;
      add(chunk.prefix.data(), chunk.prefix_size);
      if (chunk.data) add(chunk.data->data(), chunk.data->size());
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const auto sent = ::sendmsg(watch_->fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return false;
      finish(StreamEnd::kError);
      return false;
    }
    written(static_cast<std::size_t>(sent));
    if (static_cast<std::size_t>(sent) < total) return false;
  }
  return true;
}

// Joined into whole TLS records: the copy is small beside the encryption, a record and a system call for each piece is not.
bool StreamConnection::write_tls() {
  static thread_local const auto record = std::make_unique<char[]>(kTlsRecord);
  while (!out_.empty()) {
    std::size_t size = 0, skip = front_written_;
    const auto add = [&](const char* data, std::size_t length) {
      const auto skipped = std::min(skip, length);
      skip -= skipped;
      const auto take = std::min(length - skipped, kTlsRecord - size);
      if (take > 0) std::memcpy(record.get() + size, data + skipped, take);
      size += take;
    };
    for (const auto& chunk : out_) {
      if (size == kTlsRecord) break;
      add(chunk.prefix.data(), chunk.prefix_size);
      if (chunk.data) add(chunk.data->data(), chunk.data->size());
    }
    ERR_clear_error();
    const int result = SSL_write(ssl_.get(), record.get(), static_cast<int>(size));
    if (result <= 0) {
      const int error = SSL_get_error(ssl_.get(), result);
      if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return false;
      finish(StreamEnd::kError);
      return false;
    }
    written(static_cast<std::size_t>(result));
  }
  return true;
}

void StreamConnection::written(std::size_t bytes) {
  if (bytes == 0) return;
  last_write_ = clock_now();
  queued_ -= bytes;
  front_written_ += bytes;
  while (!out_.empty() && front_written_ >= out_.front().size()) {
    front_written_ -= out_.front().size();
    out_.pop_front();
  }
}

void StreamConnection::close() {
  if (state_ == State::kConnecting || state_ == State::kHandshake) {
    if (queued_ == 0) return abort();
    closing_early_ = true;
    return;
  }
  if (state_ != State::kOpen) return;
  state_ = State::kClosing;
  flush();
}

// Closing at once with unread bytes in the socket would reset the connection and lose what was just written.
void StreamConnection::finish_writing() {
  state_ = State::kLingering;
  started_ = clock_now();
  if (ssl_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  ::shutdown(watch_->fd(), SHUT_WR);
  watch_->watch_read();
  arm_timer();
}

void StreamConnection::abort(StreamEnd end) { finish(end); }

void StreamConnection::finish(StreamEnd end) {
  if (state_ == State::kClosed) return;
  if (state_ == State::kClosing || state_ == State::kLingering) end = StreamEnd::kLocal;
  state_ = State::kClosed;
  watch_.reset();
  timer_.reset();
  resume_.reset();
  out_.clear();
  queued_ = 0;
  // Later, so that nobody is called from within a call of his own; the handler is let go with it.
  thread_.post([self = shared_from_this(), end] {
    self->ssl_.reset();
    if (const auto handler = std::move(self->handler_)) handler->on_closed(end);
    self->setup_.table->release(self->remote_);
    self->setup_.table->remove(self.get());
  });
}

void StreamConnection::post_close() {
  thread_.post([self = shared_from_this()] { self->close(); });
}

void StreamConnection::post_abort() {
  thread_.post([self = shared_from_this()] { self->abort(); });
}

void StreamConnection::set_idle_timeout(base::Duration timeout) {
  setup_.options.idle_timeout = timeout;
  last_read_ = clock_now();
  arm_timer();
}

void StreamConnection::set_deadline(base::TimePoint deadline) {
  deadline_ = deadline;
  arm_timer();
}

void StreamConnection::pause_reading(base::Duration time) {
  paused_ = true;
  if (time <= base::Duration::zero()) return;
  if (!resume_) resume_ = std::make_unique<Timer>(thread_, [this] { resume_reading(); });
  resume_->arm(time);
}

void StreamConnection::resume_reading() {
  if (!std::exchange(paused_, false) || state_ != State::kOpen) return;
  last_read_ = clock_now();
  // TLS may hold bytes that the socket no longer has. By a post: the handler may be in the middle of something.
  thread_.post([self = shared_from_this()] {
    if (self->state_ == State::kOpen && !self->paused_) self->read_some();
  });
}

base::TimePoint StreamConnection::next_deadline() const {
  if (state_ == State::kClosed) return base::kNever;
  if (state_ == State::kConnecting || state_ == State::kHandshake) return started_ + setup_.options.handshake_timeout;
  if (state_ == State::kLingering) return started_ + kLinger;
  auto deadline = deadline_;
  if (queued_ > 0) deadline = last_write_ + setup_.options.write_timeout;
  if (setup_.options.idle_timeout > base::Duration::zero() && !paused_) {
    deadline = std::min(deadline, last_read_ + setup_.options.idle_timeout);
  }
  return deadline;
}

// A deadline that moved on is noticed when the old one comes: no timer is touched for each read.
void StreamConnection::arm_timer() {
  const auto deadline = next_deadline();
  if (!timer_ || deadline == base::kNever || deadline >= armed_) return;
  armed_ = deadline;
  timer_->arm(std::max(deadline - clock_now(), base::Duration(std::chrono::milliseconds(1))));
}

void StreamConnection::check_deadlines() {
  const auto self = shared_from_this();
  armed_ = base::kNever;
  if (clock_now() < next_deadline()) {
    // While paused there may be no deadline; look again later, for it may have one then.
    if (next_deadline() != base::kNever) return arm_timer();
    if (setup_.options.idle_timeout > base::Duration::zero()) {
      armed_ = clock_now() + setup_.options.idle_timeout;
      timer_->arm(setup_.options.idle_timeout);
    }
    return;
  }
  switch (state_) {
    case State::kConnecting: return finish(StreamEnd::kConnect);
    case State::kHandshake: return finish(StreamEnd::kHandshake);
    case State::kOpen: return finish(queued_ > 0 && clock_now() >= last_write_ + setup_.options.write_timeout ? StreamEnd::kSlowReader
                                                                                                            : StreamEnd::kIdle);
    default: return finish(StreamEnd::kLocal);
  }
}

}  // namespace net
