// What every load program shares: a clock, options, percentiles, the server as a process of its own with what it used of the
// machine, a loop over epoll, and the report.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace load {

inline std::uint64_t now_us() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

[[noreturn]] inline void die(std::string_view what) {
  fmt::print(stderr, "load: {}\n", what);
  std::exit(1);
}

// "--name value" pairs.
class Options {
 public:
  Options(int argc, char** argv) {
    for (int i = 1; i + 1 < argc; i += 2) {
      if (!std::string_view(argv[i]).starts_with("--")) die(fmt::format("expected --name value, not {}", argv[i]));
      values_[argv[i] + 2] = argv[i + 1];
    }
  }
  std::string text(const std::string& name, std::string otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  double number(const std::string& name, double otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : std::strtod(found->second.c_str(), nullptr);
  }
  std::size_t count(const std::string& name, std::size_t otherwise) const { return static_cast<std::size_t>(number(name, static_cast<double>(otherwise))); }

 private:
  std::map<std::string, std::string> values_;
};

class Samples {
 public:
  void add(double value) { values_.push_back(value); }
  void clear() { values_.clear(); }
  std::size_t size() const { return values_.size(); }
  double percentile(double p) {
    if (values_.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>(p / 100 * static_cast<double>(values_.size() - 1));
    std::nth_element(values_.begin(), values_.begin() + at, values_.end());
    return values_[static_cast<std::size_t>(at)];
  }

 private:
  std::vector<double> values_;
};

inline double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; }
inline double cpu_of(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The program under test, unmodified, with a data folder and ports of its own; ended with this object.
class Server {
 public:
  // `extra` is TOML that goes before the listeners.
  Server(const std::string& program, const std::string& extra) {
    char name[] = "/tmp/parley-load-XXXXXX";
    if (::mkdtemp(name) == nullptr) die("no folder for the server's data");
    folder_ = name;
    const auto file = folder_ + "/parley.toml";
    std::ofstream(file) << extra << "\n[[http]]\naddress = \"127.0.0.1:0\"\n[[http]]\naddress = \"127.0.0.1:0\"\ntls = true\n[[sip]]\ntransport = \"udp\"\naddress = \"127.0.0.1:0\"\n";
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) die("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);   // a load program that gives up takes it along
      ::dup2(ends[1], 1);
      ::execl(program.c_str(), program.c_str(), "serve", "--config", file.c_str(), "--data", folder_.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    read_addresses(ends[0]);
    output_ = ends[0];
  }
  ~Server() {
    ::kill(pid_, SIGTERM);
    for (int i = 0; i < 60 && ::waitpid(pid_, nullptr, WNOHANG) == 0; ++i) ::usleep(100'000);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(output_);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Server(const Server&) = delete;

  int pid() const { return pid_; }
  std::uint16_t sip_port() const { return sip_; }
  std::uint16_t http_port() const { return http_; }
  std::uint16_t https_port() const { return https_; }

  // Seconds, all threads.
  double cpu() const {
    std::ifstream in(fmt::format("/proc/{}/stat", pid_));
    std::string line;
    std::getline(in, line);
    const char* p = line.c_str() + line.rfind(')') + 2;
    for (int field = 3; field < 14 && *p != '\0'; ++p) field += *p == ' ';
    char* end = nullptr;
    const auto user = std::strtoull(p, &end, 10);
    const auto system = std::strtoull(end, nullptr, 10);
    return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  double resident_mb() const {
    std::ifstream in(fmt::format("/proc/{}/status", pid_));
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
    }
    return 0;
  }
  // "name seconds" of each thread.
  std::string cpu_by_thread() const {
    std::string out;
    for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid_))) {
      std::string name;
      std::getline(std::ifstream(task.path() / "comm"), name);
      double nanoseconds = 0;
      std::ifstream(task.path() / "schedstat") >> nanoseconds;
      out += fmt::format("{}{} {:.2f}", out.empty() ? "" : ", ", name, nanoseconds / 1e9);
    }
    return out;
  }

 private:
  void read_addresses(int fd) {
    std::string text;
    for (char c; (sip_ == 0 || http_ == 0 || https_ == 0) && ::read(fd, &c, 1) == 1;) {
      text += c;
      if (c != '\n') continue;
      const auto port = [&](std::string_view before) -> std::uint16_t {
        const auto at = text.find(before);
        return at == text.npos ? std::uint16_t{0} : static_cast<std::uint16_t>(std::strtoul(text.c_str() + at + before.size(), nullptr, 10));
      };
      if (const auto p = port("http://localhost:")) http_ = p;
      if (const auto p = port("https://localhost:")) https_ = p;
      if (const auto p = port("SIP over UDP on 127.0.0.1:")) sip_ = p;
      text.clear();
    }
    if (sip_ == 0 || http_ == 0 || https_ == 0) die("the server did not start");
  }

  pid_t pid_ = 0;
  int output_ = -1;
  std::string folder_;
  std::uint16_t sip_ = 0, http_ = 0, https_ = 0;
};

class Readable {
 public:
  virtual ~Readable() = default;
  virtual void on_readable() = 0;
};

class Loop {
 public:
  Loop() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {}
  ~Loop() { ::close(fd_); }
  Loop(const Loop&) = delete;
  void add(int fd, Readable& readable) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &readable}};
    ::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event);
  }
  void poll(int timeout_ms) {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(fd_, events.data(), static_cast<int>(events.size()), timeout_ms);
    for (int i = 0; i < count; ++i) static_cast<Readable*>(events[static_cast<std::size_t>(i)].data.ptr)->on_readable();
  }
  // Until `done()` or `limit_us`; `tick()` is called between, every millisecond at least. False: the limit came first.
  template <typename Done, typename Tick>
  bool run(std::uint64_t limit_us, Done&& done, Tick&& tick) {
    const auto end = now_us() + limit_us;
    for (auto last = now_us();;) {
      if (done()) return true;
      const auto now = now_us();
      worst_turn_us_ = std::max(worst_turn_us_, now - last);
      last = now;
      if (now >= end) return false;
      poll(1);
      tick();
    }
  }
  // The longest turn since the last call: how much of a latency may be this program's own, kept from running by others.
  std::uint64_t take_worst_turn_us() { return std::exchange(worst_turn_us_, 0); }

  template <typename Done>
  bool run(std::uint64_t limit_us, Done&& done) {
    return run(limit_us, done, [] {});
  }

 private:
  int fd_;
  std::uint64_t worst_turn_us_ = 0;
};

// How many of a steady stream are due: `rate` a second.
class Pace {
 public:
  explicit Pace(double rate) : rate_(rate), start_(now_us()) {}
  bool due() {
    if (static_cast<double>(now_us() - start_) * rate_ / 1e6 < static_cast<double>(done_)) return false;
    ++done_;
    return true;
  }
  // Until the next one is due.
  void sleep() const {
    const auto next = start_ + static_cast<std::uint64_t>(static_cast<double>(done_) / rate_ * 1e6) + 1;
    if (const auto now = now_us(); next > now) ::usleep(static_cast<useconds_t>(next - now));
  }
  std::uint64_t done() const { return done_; }

 private:
  double rate_;
  std::uint64_t start_, done_ = 0;
};

inline int udp_socket(const sockaddr_in* connect_to = nullptr) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int size = 1 << 20;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0) die("no UDP port");
  if (connect_to != nullptr) ::connect(fd, reinterpret_cast<const sockaddr*>(connect_to), sizeof *connect_to);
  return fd;
}
inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}
inline std::uint16_t port_of(int fd) {
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
  return ntohs(own.sin_port);
}

// Datagrams of one socket after another, into buffers that all of a thread share.
class Receiver {
 public:
  static constexpr std::size_t kCount = 32, kSize = 65536;
  Receiver() : buffer_(kCount * kSize) {
    for (std::size_t i = 0; i < kCount; ++i) {
      vectors_[i] = {buffer_.data() + i * kSize, kSize};
      messages_[i].msg_hdr.msg_iov = &vectors_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }
  static Receiver& shared() {
    thread_local Receiver receiver;
    return receiver;
  }
  template <typename F>
  void drain(int fd, F&& each) {
    for (;;) {
      const int count = ::recvmmsg(fd, messages_.data(), kCount, MSG_DONTWAIT, nullptr);
      for (int i = 0; i < count; ++i) each(buffer_.data() + static_cast<std::size_t>(i) * kSize, messages_[static_cast<std::size_t>(i)].msg_len);
      if (count < static_cast<int>(kCount)) return;
    }
  }

 private:
  std::vector<std::uint8_t> buffer_;
  std::array<iovec, kCount> vectors_{};
  std::array<mmsghdr, kCount> messages_{};
};

// "name value" lines, for people and for bench/run.
template <typename T>
void report(std::string_view name, const T& value) {
  fmt::print("{:<28} {}\n", name, value);
  std::fflush(stdout);
}
inline void report(std::string_view name, double value) {
  fmt::print("{:<28} {:.3f}\n", name, value);
  std::fflush(stdout);
}

}  // namespace load
