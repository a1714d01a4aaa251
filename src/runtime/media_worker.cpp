#include "runtime/media_worker.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/media_guest.hpp"
#include "webrtc/stun.hpp"

namespace runtime {
namespace {

// What epoll gives back with an event: the port, the wake-up, or a plain leg's socket.
constexpr std::uint64_t kPortTag = 1;
constexpr std::uint64_t kWakeTag = 2;
constexpr std::uint64_t kRtpTag = 0x4000'0000'0000'0000;
constexpr std::uint64_t kRtcpTag = 0x8000'0000'0000'0000;
constexpr base::Duration kCheckInterval = std::chrono::milliseconds(500);
constexpr int kReceiveRounds = 8;   // batches from one socket before the others and the timers have their turn

base::TimePoint clock_now() { return std::chrono::steady_clock::now(); }

}  // namespace

base::Result<std::unique_ptr<MediaWorker>> MediaWorker::start(MediaWorkerConfig config, MediaWorkerEvents& events, const std::string& thread_name) {
  std::unique_ptr<MediaWorker> worker(new MediaWorker(config, events));
  if (auto opened = worker->open(); !opened) return std::unexpected(opened.error());
  worker->thread_ = std::thread([w = worker.get(), thread_name] {
    ::pthread_setname_np(::pthread_self(), thread_name.substr(0, 15).c_str());
    w->run();
  });
  return worker;
}

MediaWorker::MediaWorker(MediaWorkerConfig config, MediaWorkerEvents& events) : config_(config), events_(events), batch_(64, 2048), plain_batch_(32, 2048) {}

MediaWorker::~MediaWorker() { stop(); }

void MediaWorker::stop() {
  if (!thread_.joinable()) return;
  stopped_ = true;
  wake();
  thread_.join();
}

base::Status MediaWorker::open() {
  dual_stack_ = config_.address.is_v6() && config_.address.is_any();
  auto socket = net::UdpSocket::bind(config_.address, {.dual_stack = dual_stack_});
  if (!socket && dual_stack_) {
    // A machine without IPv6.
    dual_stack_ = false;
    socket = net::UdpSocket::bind(*base::SocketAddress::parse("0.0.0.0", config_.address.port()));
  }
  if (!socket) return std::unexpected(socket.error());
  socket_ = std::move(*socket);
  epoll_ = net::Fd(::epoll_create1(EPOLL_CLOEXEC));
  wake_ = net::Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!epoll_ || !wake_) return base::fail(base::ErrorCode::kUnavailable, "no descriptors left for a media thread");
  output_ = std::make_unique<MediaOutput>(socket_);
  watch(socket_.fd(), kPortTag);
  watch(wake_.get(), kWakeTag);
  if (config_.tcp) {
    // The same number as the UDP port where it is free, so that one firewall rule names both.
    auto address = socket_.local();
    const auto receive = [this](base::MutableByteView packet, const base::SocketAddress& from) { on_datagram(packet, from, true); };
    auto tcp = MediaTcp::listen(address, dual_stack_, epoll_.get(), receive);
    if (!tcp) {
      address.set_port(0);
      tcp = MediaTcp::listen(address, dual_stack_, epoll_.get(), receive);
    }
    if (tcp) tcp_ = std::move(*tcp);
  }
  return {};
}

void MediaWorker::watch(int fd, std::uint64_t tag) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = tag}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

bool MediaWorker::add(std::function<void(MediaWorker&)> command) {
  const std::lock_guard lock(command_mutex_);
  commands_.push_back(std::move(command));
  return commands_.size() == 1;
}

void MediaWorker::post(std::function<void(MediaWorker&)> command) {
  if (add(std::move(command))) wake();
}

void MediaWorker::wake() {
  const std::uint64_t one = 1;
  static_cast<void>(::write(wake_.get(), &one, sizeof one));
}

void MediaWorker::run_commands() {
  std::uint64_t count;
  static_cast<void>(::read(wake_.get(), &count, sizeof count));
  // What is in a lane by now is of legs that the commands know of.
  marks_.clear();
  for (auto& lane : lanes_in_) marks_.push_back(lane->mark());
  {
    const std::lock_guard lock(command_mutex_);
    running_.swap(commands_);
  }
  for (auto& command : running_) command(*this);
  running_.clear();
  for (std::size_t i = 0; i < lanes_in_.size(); ++i) take_lane(*lanes_in_[i], i < marks_.size() ? marks_[i] : lanes_in_[i]->mark());
}

int MediaWorker::timeout() const {
  const auto next = std::min({next_feedback_, next_check_, next_mix_, next_dtls_});
  const auto now = clock_now();
  if (next <= now) return 0;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(std::min<base::Duration>(next - now, std::chrono::seconds(1))).count());
}

void MediaWorker::run() {
  now_ = clock_now();
  std::array<epoll_event, 128> events;
  while (!stopped_) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout());
    now_ = clock_now();
    for (int i = 0; i < count; ++i) {
      const auto tag = events[static_cast<std::size_t>(i)].data.u64;
      if (tag == kWakeTag) {
        run_commands();
      } else if (tag == kPortTag) {
        receive_port();
      } else if (tag & MediaTcp::kTag) {
        tcp_->on_event(tag, events[static_cast<std::size_t>(i)].events, now_);
      } else if (auto* leg = find({tag & ~(kRtpTag | kRtcpTag)})) {
        receive_plain(*leg, (tag & kRtcpTag) != 0);
      }
    }
    if (std::exchange(rewire_, false)) {
      for (auto& [id, bridge] : bridges_) bridge->rewire(now_);
      poll_now_ = true;
    }
    run_timers();
    flush();
  }
  for (auto& [id, leg] : legs_) leg->close(now_);
  flush();
}

void MediaWorker::receive_port() {
  for (int round = 0; round < kReceiveRounds; ++round) {
    const auto count = batch_.receive(socket_.fd());
    for (std::size_t i = 0; i < count; ++i) {
      if (!batch_.truncated(i)) on_datagram(batch_.data(i), batch_.from(i), false);
    }
    flush();
    if (count < batch_.capacity()) return;
  }
}

MediaWorker::Route* MediaWorker::route_of(base::ByteView datagram, const base::SocketAddress& from) {
  // A check names its leg; anything else must come from an address that a check has proven.
  if (!datagram.empty() && datagram[0] < 4) {
    if (const auto ufrag = webrtc::stun_local_ufrag(datagram)) {
      const auto found = by_ufrag_.find(std::string(*ufrag));
      return found == by_ufrag_.end() ? nullptr : found->second;
    }
  }
  const auto found = by_address_.find(from);
  return found == by_address_.end() ? nullptr : found->second;
}

void MediaWorker::on_datagram(base::MutableByteView datagram, const base::SocketAddress& from, bool tcp) {
  auto* route = route_of(datagram, from);
  if (!route) return;
  if (route->here) {
    give(*route->here, datagram, from);
    const bool check = !datagram.empty() && datagram[0] < 4;
    if (check && route->here->transport().is_validated(from)) by_address_[from] = route;
  } else if (route->away) {
    route->away->push(tcp ? MediaLane::Kind::kTcp : MediaLane::Kind::kUdp, route->leg, from, datagram);
  }
}

void MediaWorker::give(MediaLeg& leg, base::MutableByteView datagram, const base::SocketAddress& from) {
  leg.transport().on_datagram(datagram, from, now_);
  next_dtls_ = std::min(next_dtls_, leg.transport().deadline());
}

void MediaWorker::receive_plain(MediaLeg& leg, bool rtcp) {
  const int fd = rtcp ? leg.plain().rtcp.fd() : leg.plain().rtp.fd();
  const auto count = plain_batch_.receive(fd);
  for (std::size_t i = 0; i < count; ++i) {
    if (plain_batch_.truncated(i)) continue;
    if (rtcp) {
      leg.on_plain_rtcp(plain_batch_.data(i), plain_batch_.from(i), now_);
    } else {
      leg.on_plain_rtp(plain_batch_.data(i), plain_batch_.from(i), now_);
    }
  }
}

void MediaWorker::run_timers() {
  if (now_ >= next_mix_) {
    next_mix_ = base::kNever;
    for (auto& [id, bridge] : bridges_) next_mix_ = std::min(next_mix_, bridge->run(now_));
  }
  if (now_ >= next_dtls_) {
    next_dtls_ = base::kNever;
    for (auto& [id, leg] : legs_) {
      if (!leg->is_webrtc()) continue;
      if (leg->transport().deadline() <= now_) leg->transport().on_timer(now_);
      next_dtls_ = std::min(next_dtls_, leg->transport().deadline());
    }
  }
  if (now_ >= next_feedback_ || poll_now_) poll_feedback();
  if (now_ >= next_check_) {
    next_check_ = now_ + kCheckInterval;
    for (auto& [id, leg] : legs_) {
      if (leg->check_lost(now_, config_.liveness)) events_.post_media_event([lost = id](bridge::MediaEvents& e) { e.on_media_lost(lost); });
    }
    if (tcp_) tcp_->expire(now_);
  }
}

void MediaWorker::poll_feedback() {
  poll_now_ = false;
  next_feedback_ = legs_.empty() ? now_ + std::chrono::seconds(1) : now_ + config_.feedback_interval;
  const auto wall = std::chrono::system_clock::now();
  for (auto& [id, leg] : legs_) leg->poll_feedback(now_, wall);
}

void MediaWorker::emit(media::VideoWatcher& watcher, base::ByteView header, base::ByteView payload) {
  static_cast<MediaLeg*>(watcher.owner())->send_video(header, payload);
}

MediaLeg* MediaWorker::find(bridge::LegId id) {
  const auto found = legs_.find(id);
  return found == legs_.end() ? nullptr : found->second.get();
}

void MediaWorker::add_bridge(bridge::BridgeId id, const bridge::MixOptions& options) {
  bridges_.emplace(id, std::make_unique<MediaBridge>(options, *this));
}

void MediaWorker::remove_bridge(bridge::BridgeId id) { bridges_.erase(id); }

void MediaWorker::add_webrtc_leg(bridge::LegId id, bridge::BridgeId bridge, webrtc::TransportConfig transport) {
  const auto found = bridges_.find(bridge);
  if (found == bridges_.end()) return;
  auto ufrag = transport.local.ufrag;
  auto leg = std::make_unique<MediaLeg>(id, *found->second, *this, std::move(transport));
  add_route(*leg, ufrag);
  found->second->add(*leg);
  legs_.emplace(id, std::move(leg));
  load_ = legs_.size();
}

void MediaWorker::add_plain_leg(bridge::LegId id, bridge::BridgeId bridge, MediaLeg::Plain plain) {
  const auto found = bridges_.find(bridge);
  if (found == bridges_.end()) return;
  auto leg = std::make_unique<MediaLeg>(id, *found->second, *this, std::move(plain));
  watch_plain(*leg);
  found->second->add(*leg);
  legs_.emplace(id, std::move(leg));
  load_ = legs_.size();
}

void MediaWorker::watch_plain(const MediaLeg& leg) {
  watch(leg.plain().rtp.fd(), kRtpTag | leg.id().value);
  if (leg.plain().rtcp.is_open()) watch(leg.plain().rtcp.fd(), kRtcpTag | leg.id().value);
}

void MediaWorker::configure(bridge::LegId id, const bridge::LegMedia& media) {
  auto* leg = find(id);
  if (!leg) return;
  leg->configure(media, now_);
  rewire_ = true;
}

void MediaWorker::restart_ice(bridge::LegId id, webrtc::IceCredentials local) {
  auto* leg = find(id);
  if (!leg) return;
  add_route(*leg, local.ufrag);
  leg->restart_ice(std::move(local));
}

void MediaWorker::join(bridge::LegId id) {
  auto* leg = find(id);
  if (!leg || !leg->bridge()) return;
  leg->join(now_);
  rewire_ = true;
}

void MediaWorker::set_muted(bridge::LegId id, bool muted) {
  if (auto* leg = find(id)) leg->set_muted(muted);
}

void MediaWorker::play(bridge::LegId id, std::uint64_t serial, const media::SoundSpec& sound) {
  if (auto* leg = find(id)) leg->play(sound, serial);
}

void MediaWorker::stop_sound(bridge::LegId id) {
  if (auto* leg = find(id)) leg->stop_sound();
}

void MediaWorker::set_echo(bridge::LegId id, bool echo) {
  if (auto* leg = find(id)) leg->set_echo(echo);
  rewire_ = true;
}

void MediaWorker::send_dtmf(bridge::LegId id, std::string_view digits) {
  if (auto* leg = find(id)) leg->send_dtmf(digits);
}

void MediaWorker::remove_leg(bridge::LegId id) {
  const auto found = legs_.find(id);
  if (found == legs_.end()) return;
  auto* leg = found->second.get();
  leg->close(now_);
  flush();
  if (const auto guest = guests_.find(id); guest != guests_.end()) {
    guest->second->home().post([id](MediaWorker& home) { home.forget_route(id); });
    leg->leave();
    guests_.erase(guest);
  } else {
    forget_route(id);
    leg->leave();
  }
  legs_.erase(found);   // its sockets leave epoll as they close
  load_ = legs_.size();
  rewire_ = true;
}

void MediaWorker::on_leg_connected(MediaLeg& leg) {
  rewire_ = true;
  events_.post_media_event([id = leg.id()](bridge::MediaEvents& e) { e.on_media_connected(id); });
}

void MediaWorker::on_leg_failed(MediaLeg& leg, std::string_view reason) {
  events_.post_media_event([id = leg.id(), text = std::string(reason)](bridge::MediaEvents& e) { e.on_media_failed(id, text); });
}

void MediaWorker::on_talking(bridge::LegId leg, bool talking) {
  events_.post_media_event([leg, talking](bridge::MediaEvents& e) { e.on_talking(leg, talking); });
}

void MediaWorker::on_digit(bridge::LegId leg, char digit) {
  events_.post_media_event([leg, digit](bridge::MediaEvents& e) { e.on_dtmf(leg, digit); });
}

void MediaWorker::on_sound_ended(bridge::LegId leg, std::uint64_t serial) { events_.post_sound_ended(leg, serial); }

}  // namespace runtime
