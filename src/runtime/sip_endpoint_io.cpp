#include "runtime/sip_endpoint_io.hpp"

#include "runtime/sip_udp_reader.hpp"

namespace runtime {

namespace {
base::TimePoint clock_now() { return std::chrono::steady_clock::now(); }
}  // namespace

bool SipInbox::push(std::vector<SipEvent>& batch, std::size_t& refused) {
  const std::lock_guard lock(mutex_);
  for (auto& event : batch) {
    if (event.kind == SipEvent::Kind::kMessage && events_.size() >= capacity_) {
      ++refused;
    } else {
      events_.push_back(std::move(event));
    }
  }
  batch.clear();
  size_.store(events_.size(), std::memory_order_relaxed);
  return !events_.empty() && !std::exchange(woken_, true);
}

void SipInbox::wake_failed() {
  const std::lock_guard lock(mutex_);
  woken_ = false;   // the next one to push tries again
}

void SipInbox::take(std::vector<SipEvent>& out) {
  out.clear();
  const std::lock_guard lock(mutex_);
  events_.swap(out);
  woken_ = false;
  size_.store(0, std::memory_order_relaxed);
}

SipIo::SipIo(net::IoThreads& threads, Shard& shard_, SipEndpointConfig config_)
    : config(std::move(config_)), shard(shard_), table(std::make_shared<net::ConnectionTable>(config.connections)), inbox(config.inbox) {
  for (std::size_t i = 0; i < threads.size(); ++i) lanes.push_back(std::make_unique<SipLane>(*this, threads.at(i)));
}

SipLane* SipIo::lane_of(const net::IoThread& thread) {
  for (const auto& lane : lanes) {
    if (&lane->thread() == &thread) return lane.get();
  }
  return nullptr;
}

void SipIo::wake_shard() {
  const bool posted = shard.post([self = shared_from_this()] {
    if (self->drain) self->drain();
  });
  if (!posted) inbox.wake_failed();
}

SipLane::SipLane(SipIo& io, net::IoThread& thread)
    : io_(io), thread_(thread), limiter_(io.config.messages), intake_(io.counters), outbox_(io.config.outbox) {}

bool SipLane::give(std::vector<SipOutgoing>& batch) {
  switch (outbox_.push_all(batch)) {
    case base::BoundedQueue<SipOutgoing>::Push::kFull: return false;
    case base::BoundedQueue<SipOutgoing>::Push::kQueued: return true;
    case base::BoundedQueue<SipOutgoing>::Push::kFirst: break;
  }
  thread_.post([this, io = io_.shared_from_this()] { drain(); });
  return true;
}

void SipLane::drain() {
  outbox_.take(draining_);
  std::vector<SipFlowPtr> touched;
  std::vector<SipUdpPort*> written;
  for (auto& item : draining_) {
    if (item.kind == SipOutgoing::Kind::kConnect) {
      static_cast<SipStreamFlow&>(*item.flow).connect();
    } else if (item.kind == SipOutgoing::Kind::kClose) {
      item.flow->close();
    } else if (item.flow) {
      if (!item.flow->queue(item.packet)) {
        SipEvent failed;
        failed.kind = SipEvent::Kind::kSendFailed;
        failed.source = {item.target.transport, item.target.remote, {}, item.target.flow, item.target.listener};
        emit(std::move(failed));
      } else if (!std::exchange(item.flow->touched, true)) {
        touched.push_back(item.flow);
      }
    } else if (const auto port = ports.find(item.target.listener); port != ports.end()) {
      port->second->queue(std::move(item));
      if (std::find(written.begin(), written.end(), port->second.get()) == written.end()) written.push_back(port->second.get());
    }
  }
  for (const auto& flow : touched) {
    flow->touched = false;
    flow->flush();
  }
  for (auto* port : written) port->write();
  draining_.clear();
}

// One post to this thread for all that is read before it runs, so that many connections make one batch.
void SipLane::emit(SipEvent event) {
  events_.push_back(std::move(event));
  if (std::exchange(flush_posted_, true)) return;
  thread_.post([this, io = io_.shared_from_this()] { flush_events(); });
}

void SipLane::flush_events() {
  flush_posted_ = false;
  std::size_t refused = 0;
  const bool wake = io_.inbox.push(events_, refused);
  if (refused > 0) count(io_.counters.inbox_full, refused);
  if (wake) io_.wake_shard();
}

std::optional<std::string> SipLane::take_message(std::string bytes, const sip::Source& source) {
  std::optional<std::string> answer;
  if (auto message = intake_.take(std::move(bytes), source, answer)) {
    SipEvent event;
    event.message = std::move(message);
    event.source = source;
    emit(std::move(event));
  }
  return answer;
}

sip::MessagePtr SipIntake::take(std::string bytes, const sip::Source& source, std::optional<std::string>& answer) {
  count(counters_.received);
  const auto shared = base::share(std::move(bytes));
  sip::ParseFailure failure;
  auto message = sip::Message::parse(shared, &failure);
  if (message) return std::move(*message);
  count(counters_.malformed);
  log_malformed(source, message.error().detail, *shared);
  if (failure.status != 0) answer = sip::make_failure_response(*shared, source, failure);
  return nullptr;
}

void SipIntake::log_malformed(const sip::Source& source, std::string_view reason, std::string_view bytes) {
  std::uint64_t suppressed = 0;
  if (!log_limit_.allow(clock_now(), suppressed)) return;
  // The start line alone: headers may hold credentials.
  spdlog::warn("malformed SIP from {} by {}: {} ({}; {} more not shown)", source.remote.to_string(), sip::to_string(source.transport),
               base::for_log(reason), base::for_log(bytes.substr(0, bytes.find_first_of("\r\n")), 100), suppressed);
}

void SipLane::log_tls_failure(const sip::Source& source, std::string_view name, std::string_view reason) {
  std::uint64_t suppressed = 0;
  if (!tls_log_limit_.allow(clock_now(), suppressed)) return;
  spdlog::warn("no TLS connection to {} ({}): {} ({} more not shown)", source.remote.to_string(), base::for_log(name), base::for_log(reason), suppressed);
}

SipUdpPort::SipUdpPort(SipLane& lane, net::UdpSocket socket)
    : lane_(lane), socket_(std::move(socket)), fd_(socket_.fd()), idle_fd_(socket_.release()) {}

void SipUdpPort::close() {
  open_ = false;
  reader_.reset();
  watch_.reset();
  idle_fd_ = net::Fd();
}

// There only while it is needed: it wakes this thread for each datagram, whoever reads them.
net::FdWatch& SipUdpPort::watch() {
  if (!watch_) {
    watch_ = std::make_unique<net::FdWatch>(
        lane_.thread(), idle_fd_.release(), [this] { read(); },
        [this] {
          blocked_ = false;
          write();
          rest();
        });
  }
  return *watch_;
}

void SipUdpPort::rest() {
  if (!watch_ || reader_ || blocked_) return;
  idle_fd_ = net::Fd(watch_->release());
  watch_.reset();
}

void SipUdpPort::take_over(std::shared_ptr<SipUdpReader> reader) {
  if (!open_) return;
  reader_ = std::move(reader);
  reader_->start_anew(clock_now());
  read();   // what has come in the meantime
}

void SipUdpPort::read() {
  if (!reader_) return;
  reader_->read(
      fd_, clock_now(),
      [this](sip::MessagePtr message, const sip::Source& source) {
        SipEvent event;
        event.message = std::move(message);
        event.source = source;
        lane_.emit(std::move(event));
      },
      [this](std::string answer, const sip::Source& source) {
        SipOutgoing out;
        out.target = sip::Target::back_to(source);
        out.packet.head = base::share(std::move(answer));
        queue(std::move(out));
      });
  write();   // answers to what was malformed
  if (reader_->calm() && give_back()) return rest();
  watch().watch_read();
}

// What was read goes first, so that nothing read there later is taken before it.
bool SipUdpPort::give_back() {
  lane_.flush_events();
  auto& io = lane_.io();
  const bool posted = io.shard.post([io = io.shared_from_this(), reader = reader_] {
    if (io->read_udp) io->read_udp(reader);
  });
  if (posted) reader_.reset();
  return posted;
}

void SipUdpPort::queue(SipOutgoing&& item) {
  if (waiting_.size() >= lane_.io().config.outbox) return count(lane_.io().counters.outbox_full);
  waiting_.push_back(std::move(item));
}

void SipUdpPort::write() {
  if (blocked_ || !open_) return;
  const auto failed = [this](std::size_t index, int) {
    // Counted from the batch's first, which is out_.size() before batched_.
    const auto& target = waiting_[batched_ - out_.size() + index].target;
    SipEvent event;
    event.kind = SipEvent::Kind::kSendFailed;
    event.source = {target.transport, target.remote, {}, target.flow, target.listener};
    count(lane_.io().counters.send_errors);
    lane_.emit(std::move(event));
  };
  for (;;) {
    const auto size = out_.size();
    if (size > 0) {
      if (!out_.send(fd_, failed)) {
        blocked_ = true;
        watch().watch_write();
        return;
      }
      count(lane_.io().counters.sent, size);
    }
    if (batched_ == waiting_.size()) break;
    while (!out_.full() && batched_ < waiting_.size()) {
      const auto& item = waiting_[batched_++];
      out_.add(socket_, item.target.remote, base::as_bytes(*item.packet.head),
               item.packet.body ? base::as_bytes(*item.packet.body) : base::ByteView{});
    }
  }
  waiting_.clear();
  batched_ = 0;
}

}  // namespace runtime
