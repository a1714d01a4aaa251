// The server that is measured: Parley, or Kamailio for comparison, each a process (or several) of its own with its ports, data and
// configuration, ended with this object.
#pragma once

#include <netinet/tcp.h>

#include <memory>

#include "load/measure.hpp"

namespace load {

class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::uint16_t sip_port() const = 0;
  virtual std::uint16_t http_port() const = 0;     // WebSocket
  virtual std::uint16_t https_port() const = 0;    // WebSocket over TLS
  virtual std::vector<int> pids() const = 0;

  // Seconds on a core, all threads of all its processes, by the scheduler's own count (no sampling).
  double cpu() const {
    double nanoseconds = 0;
    for (const auto pid : pids()) {
      for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
        double own = 0;
        std::ifstream(task.path() / "schedstat") >> own;
        nanoseconds += own;
      }
    }
    return nanoseconds / 1e9;
  }
  // Memory shared by its processes counted once.
  double memory_kb() const {
    double sum = 0;
    for (const auto pid : pids()) {
      std::ifstream in(fmt::format("/proc/{}/smaps_rollup", pid));
      for (std::string line; std::getline(in, line);) {
        if (line.starts_with("Pss:")) sum += std::strtod(line.c_str() + 4, nullptr);
      }
    }
    return sum;
  }
};

class ParleyPeer final : public Peer {
 public:
  ParleyPeer(const std::string& program, const std::string& extra) : server_(program, extra) {}
  std::uint16_t sip_port() const override { return server_.sip_port(); }
  std::uint16_t http_port() const override { return server_.http_port(); }
  std::uint16_t https_port() const override { return server_.https_port(); }
  std::vector<int> pids() const override { return {server_.pid()}; }

 private:
  Server server_;
};

// A port that nobody has now.
inline std::uint16_t free_port(int type) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0) die("no free port");
  const auto port = port_of(fd);
  ::close(fd);
  return port;
}

// Debian's, with its fast allocator: digest, registrar in memory, stateful relaying, WebSocket.
class KamailioPeer final : public Peer {
 public:
  explicit KamailioPeer(const std::string& program) : sip_(free_port(SOCK_DGRAM)), http_(free_port(SOCK_STREAM)) {
    char name[] = "/tmp/kamailio-load-XXXXXX";
    if (::mkdtemp(name) == nullptr) die("no folder for the peer's data");
    folder_ = name;
    std::ofstream(folder_ + "/kamailio.cfg") << configuration();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setpgid(0, 0);
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);
      const auto log = folder_ + "/log", file = folder_ + "/kamailio.cfg";
      const int out = ::open(log.c_str(), O_CREAT | O_WRONLY, 0600);
      ::dup2(out, 1);
      ::dup2(out, 2);
      ::execl(program.c_str(), program.c_str(), "-f", file.c_str(), "-DD", "-E", "-e", "-Y", folder_.c_str(), "-x", "fm", "-X", "fm", "-m", "512", "-M", "16", nullptr);
      ::_exit(127);
    }
    ::usleep(1'500'000);
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) {
      std::ifstream log(folder_ + "/log");
      std::string text((std::istreambuf_iterator<char>(log)), {});
      die("Kamailio did not start: " + text.substr(0, 2000));
    }
  }
  ~KamailioPeer() override {
    ::kill(pid_, SIGTERM);
    for (int i = 0; i < 50 && ::waitpid(pid_, nullptr, WNOHANG) == 0; ++i) ::usleep(100'000);
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  KamailioPeer(const KamailioPeer&) = delete;
  std::uint16_t sip_port() const override { return sip_; }
  std::uint16_t http_port() const override { return http_; }
  std::uint16_t https_port() const override { die("Kamailio is measured without TLS"); }
  // Of its group.
  std::vector<int> pids() const override {
    std::vector<int> result;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const int pid = std::atoi(entry.path().filename().c_str());
      if (pid > 0 && ::getpgid(pid) == pid_) result.push_back(pid);
    }
    return result;
  }

 private:
  std::string configuration() const {
    return fmt::format(R"(#!KAMAILIO
debug=-1
log_stderror=yes
children=2
tcp_children=2
tcp_max_connections=8192
tcp_connection_lifetime=3605
auto_aliases=no
dns=no
tcp_accept_no_cl=yes
rev_dns=no
listen=udp:127.0.0.1:{0}
listen=tcp:127.0.0.1:{1}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "auth.so"
loadmodule "nathelper.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_contacts", 100)
modparam("auth", "nonce_count", 1)
modparam("auth", "qop", "auth")
modparam("auth", "nonce_expire", 300)
modparam("tcpops|websocket", "keepalive_mechanism", 0)
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (proto == WS || proto == WSS) {{ force_rport(); add_contact_alias(); }}
  if (has_totag()) {{
    if (loose_route()) {{ t_relay(); exit; }}
    if (is_method("ACK") && t_check_trans()) {{ t_relay(); exit; }}
    exit;
  }}
  if (!pv_www_authenticate("parley", "password", "0")) {{ www_challenge("parley", "1"); exit; }}
  if (is_method("REGISTER")) {{ save("location"); exit; }}
  consume_credentials();
  if (is_method("INVITE")) record_route();
  if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
  t_relay();
}}
event_route[xhttp:request] {{
  set_reply_close();
  set_reply_no_connect();
  if ($hdr(Upgrade) =~ "websocket") {{ if (ws_handle_handshake()) exit; }}
  xhttp_reply("404", "Not Found", "", "");
}}
)", sip_, http_);
  }

  pid_t pid_ = 0;
  std::string folder_;
  std::uint16_t sip_, http_;
};

}  // namespace load
