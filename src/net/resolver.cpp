#include "net/resolver.hpp"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/random.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "net/udp_socket.hpp"

namespace net {
namespace {

constexpr std::size_t kMaxName = 253;                   // RFC 1035 section 2.3.4
constexpr std::size_t kMaxSrvRecords = 256;             // of which the best are sorted out
constexpr int kDatagram = 1232;                         // bytes, that no network cuts
constexpr std::chrono::milliseconds kLongestWait{500};  // of the thread, with lookups pending

base::TimePoint clock_now() { return std::chrono::steady_clock::now(); }

bool valid_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kMaxName) return false;
  std::size_t label = 0;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (c == '.' ? label == 0 : !letter) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return false;
  }
  return label > 0;
}

// What a packet can be sent to: no wildcard, no group.
bool is_host(const base::SocketAddress& address) {
  if (!address.valid() || address.is_any() || address.port() == 0) return false;
  sockaddr_storage raw{};
  address.to(raw);
  if (address.is_v6()) return reinterpret_cast<const sockaddr_in6&>(raw).sin6_addr.s6_addr[0] != 0xff;
  return (ntohl(reinterpret_cast<const sockaddr_in&>(raw).sin_addr.s_addr) >> 28) < 14;   // below 224.0.0.0
}

struct SrvRecord {
  std::string host;
  std::uint16_t port = 0, priority = 0, weight = 0;
};

// RFC 2782: by priority; within one, drawn by weight.
std::vector<SrvRecord> in_order(std::vector<SrvRecord> records) {
  std::ranges::sort(records, {}, &SrvRecord::priority);
  std::vector<SrvRecord> out;
  for (auto first = records.begin(); first != records.end();) {
    const auto last = std::find_if(first, records.end(), [&](const auto& r) { return r.priority != first->priority; });
    std::vector<SrvRecord> same(first, last);
    while (!same.empty()) {
      std::uint64_t total = 0;
      for (const auto& one : same) total += one.weight;
      std::uint64_t drawn = total == 0 ? 0 : base::random_u64() % (total + 1);
      auto pick = same.begin();
      while (drawn > pick->weight && std::next(pick) != same.end()) drawn -= (pick++)->weight;
      out.push_back(std::move(*pick));
      same.erase(pick);
    }
    first = last;
  }
  return out;
}

std::string_view srv_prefix(Resolver::Service service) {
  switch (service) {
    case Resolver::Service::kUdp: return "_sip._udp.";
    case Resolver::Service::kTcp: return "_sip._tcp.";
    case Resolver::Service::kTls: return "_sips._tcp.";
  }
  return {};
}

std::uint16_t default_port(Resolver::Service service) { return service == Resolver::Service::kTls ? 5061 : 5060; }

}  // namespace

base::Result<HostPort> parse_host_port(std::string_view text) {
  HostPort out;
  std::string_view host = text, port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return base::malformed("no closing bracket");
    host = text.substr(1, end - 1);
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return base::malformed("after the bracket comes a colon and a port");
    has_port = !rest.empty();
    port = has_port ? rest.substr(1) : rest;
  } else if (const auto colon = text.find(':'); colon != text.npos && text.find(':', colon + 1) == text.npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  if (has_port) {
    const auto number = base::parse_decimal(port);
    if (!number || *number == 0 || *number > 65535) return base::malformed("a port is a number from 1 to 65535");
    out.port = static_cast<std::uint16_t>(*number);
  }
  out.literal = base::SocketAddress::parse(host, 1).has_value();
  const bool only_literal = text.starts_with('[') || host.find(':') != host.npos;
  if (!out.literal && (only_literal || !valid_name(host))) return base::malformed("neither a name nor an address");
  out.host = base::to_lower(host.ends_with('.') ? host.substr(0, host.size() - 1) : host);
  return out;
}

class Resolver::Impl {
 public:
  explicit Impl(ResolverConfig config) : config_(std::move(config)) {}
  ~Impl();
  base::Status open();
  void resolve(std::string_view host_and_port, Service service, Done done);

 private:
  struct Lookup {
    Impl* owner = nullptr;
    HostPort name;
    Service service = Service::kUdp;
    Done done;
    base::TimePoint limit{};
    bool answered = false;                      // done() was called
    std::size_t questions = 0;                  // on their way: it may go when there are none
    std::size_t hosts = 0;                      // answers that found() waits for
    std::vector<std::vector<base::SocketAddress>> found;   // by server, in order
  };
  struct Question {
    Lookup* lookup;
    std::size_t index;                          // in found
    std::uint16_t port;
  };

  void run();
  void wait(std::vector<pollfd>& polled, bool busy);
  void take_posted();
  void begin(Lookup& lookup);
  void ask_srv(Lookup& lookup);
  void on_srv(Lookup& lookup, int status, const unsigned char* answer, int length);
  void ask_host(Lookup& lookup, const std::string& host, std::uint16_t port, std::size_t index);
  void on_host(const Question& question, int status, const ares_addrinfo* result);
  void finish(Lookup& lookup);
  void sweep();
  void wake();

  const ResolverConfig config_;
  ares_channel channel_ = nullptr;
  Fd wake_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Lookup>> posted_;
  std::size_t pending_ = 0;                     // by mutex_: posted and not yet answered
  std::list<std::unique_ptr<Lookup>> lookups_;  // from here on: the thread's
  std::map<int, short> sockets_;
};

base::Status Resolver::Impl::open() {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  if (library != ARES_SUCCESS) return base::fail(base::ErrorCode::kInternal, ares_strerror(library));
  wake_ = Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_) return base::fail(base::ErrorCode::kUnavailable, "no event descriptor");
  ares_options options{};
  options.timeout = static_cast<int>(config_.timeout.count());
  options.tries = config_.tries;
  options.sock_state_cb = [](void* self, ares_socket_t socket, int readable, int writable) {
    auto& sockets = static_cast<Impl*>(self)->sockets_;
    const int events = (readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0);
    if (events == 0) {
      sockets.erase(socket);
    } else {
      sockets[socket] = static_cast<short>(events);
    }
  };
  options.sock_state_cb_data = this;
  // With servers of one's own nothing else decides: no hosts file, no search list.
  char lookups[] = "b";
  options.flags = ARES_FLAG_EDNS;   // an answer with many records comes in one datagram
  options.ednspsz = kDatagram;
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ;
  if (!config_.servers.empty()) {
    options.lookups = lookups;
    options.flags |= ARES_FLAG_NOSEARCH;
    mask |= ARES_OPT_LOOKUPS;
  }
  if (const int status = ares_init_options(&channel_, &options, mask); status != ARES_SUCCESS) {
    channel_ = nullptr;
    return base::fail(base::ErrorCode::kUnavailable, ares_strerror(status));
  }
  std::string servers;
  for (const auto& server : config_.servers) servers.append(servers.empty() ? "" : ",").append(server.to_string());
  if (!servers.empty() && ares_set_servers_ports_csv(channel_, servers.c_str()) != ARES_SUCCESS) {
    return base::malformed("DNS servers: " + servers);
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

Resolver::Impl::~Impl() {
  stopping_ = true;
  if (thread_.joinable()) {
    wake();
    thread_.join();
  }
  if (channel_ != nullptr) ares_destroy(channel_);
}

void Resolver::Impl::wake() {
  const std::uint64_t one = 1;
  static_cast<void>(::write(wake_.get(), &one, sizeof one));
}

void Resolver::Impl::resolve(std::string_view host_and_port, Service service, Done done) {
  auto lookup = std::make_unique<Lookup>();
  lookup->owner = this;
  lookup->service = service;
  lookup->done = std::move(done);
  if (auto name = parse_host_port(host_and_port)) lookup->name = std::move(*name);
  {
    const std::lock_guard lock(mutex_);
    // Over the limit it is answered all the same, with nothing: there is no name to ask for.
    if (pending_ >= config_.max_pending) lookup->name = {};
    ++pending_;
    posted_.push_back(std::move(lookup));
  }
  wake();
}

void Resolver::Impl::run() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    take_posted();
    wait(polled, !lookups_.empty());
    for (const auto& one : polled) {
      if (one.fd == wake_.get() || one.revents == 0) continue;
      const bool in = (one.revents & (POLLIN | POLLERR | POLLHUP)) != 0, out = (one.revents & POLLOUT) != 0;
      ares_process_fd(channel_, in ? one.fd : ARES_SOCKET_BAD, out ? one.fd : ARES_SOCKET_BAD);
    }
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);   // its timeouts
    sweep();
  }
  ares_cancel(channel_);
  take_posted();
  ares_cancel(channel_);
  for (auto& lookup : lookups_) finish(*lookup);
}

void Resolver::Impl::wait(std::vector<pollfd>& polled, bool busy) {
  polled.clear();
  polled.push_back({wake_.get(), POLLIN, 0});
  for (const auto& [fd, events] : sockets_) polled.push_back({fd, events, 0});
  int timeout = -1;
  if (busy) {
    timeval most{0, static_cast<suseconds_t>(std::chrono::microseconds(kLongestWait).count())}, next{};
    const timeval* wait = ares_timeout(channel_, &most, &next);
    timeout = static_cast<int>(wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000);
  }
  if (::poll(polled.data(), polled.size(), timeout) <= 0) {
    for (auto& one : polled) one.revents = 0;
  }
  if (polled.front().revents != 0) {
    std::uint64_t count = 0;
    static_cast<void>(::read(wake_.get(), &count, sizeof count));
  }
}

void Resolver::Impl::take_posted() {
  std::vector<std::unique_ptr<Lookup>> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
  }
  for (auto& lookup : posted) {
    lookups_.push_back(std::move(lookup));
    begin(*lookups_.back());
  }
}

void Resolver::Impl::begin(Lookup& lookup) {
  lookup.limit = clock_now() + config_.limit;
  const auto& name = lookup.name;
  const auto port = name.port != 0 ? name.port : default_port(lookup.service);
  if (name.host.empty()) return finish(lookup);
  if (name.literal) {
    if (const auto address = base::SocketAddress::parse(name.host, port)) lookup.found.push_back({*address});
    return finish(lookup);
  }
  // A name of one label is the hosts file's or the local network's: nobody has SRV records for it.
  if (name.port == 0 && name.host.find('.') != name.host.npos) return ask_srv(lookup);
  lookup.found.resize(1);
  ask_host(lookup, name.host, port, 0);
}

void Resolver::Impl::ask_srv(Lookup& lookup) {
  ++lookup.questions;
  const auto name = std::string(srv_prefix(lookup.service)) + lookup.name.host;
  const auto answered = [](void* self, int status, int, unsigned char* answer, int length) {
    auto& one = *static_cast<Lookup*>(self);
    --one.questions;
    one.owner->on_srv(one, status, answer, length);
  };
  ares_query(channel_, name.c_str(), ns_c_in, ns_t_srv, answered, &lookup);
}

void Resolver::Impl::on_srv(Lookup& lookup, int status, const unsigned char* answer, int length) {
  if (lookup.answered) return;
  if (status == ARES_ECANCELLED || status == ARES_EDESTRUCTION) return finish(lookup);
  std::vector<SrvRecord> records;
  bool none_here = false;
  ares_srv_reply* reply = nullptr;
  if (status == ARES_SUCCESS && ares_parse_srv_reply(answer, length, &reply) == ARES_SUCCESS) {
    for (const auto* one = reply; one != nullptr && records.size() < kMaxSrvRecords; one = one->next) {
      // RFC 2782: a target of "." says that the service is not offered.
      if (std::string_view(one->host).empty() || std::string_view(one->host) == ".") {
        none_here = true;
      } else if (valid_name(one->host) && one->port != 0) {
        records.push_back({one->host, one->port, one->priority, one->weight});
      }
    }
  }
  if (reply != nullptr) ares_free_data(reply);
  if (records.empty() && none_here) return finish(lookup);
  if (records.empty()) records.push_back({lookup.name.host, default_port(lookup.service), 0, 0});
  records = in_order(std::move(records));
  if (records.size() > config_.max_servers) records.resize(config_.max_servers);
  lookup.found.resize(records.size());
  ++lookup.questions;   // some may be answered at once: the end is below
  for (std::size_t i = 0; i < records.size(); ++i) ask_host(lookup, records[i].host, records[i].port, i);
  --lookup.questions;
  if (lookup.hosts == 0) finish(lookup);
}

void Resolver::Impl::ask_host(Lookup& lookup, const std::string& host, std::uint16_t port, std::size_t index) {
  ++lookup.questions;
  ++lookup.hosts;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_flags = ARES_AI_NUMERICSERV;
  const auto answered = [](void* self, int status, int, ares_addrinfo* result) {
    const std::unique_ptr<Question> question(static_cast<Question*>(self));
    --question->lookup->questions;
    question->lookup->owner->on_host(*question, status, result);
    if (result != nullptr) ares_freeaddrinfo(result);
  };
  ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, answered, new Question{&lookup, index, port});
}

void Resolver::Impl::on_host(const Question& question, int status, const ares_addrinfo* result) {
  Lookup& lookup = *question.lookup;
  --lookup.hosts;
  if (lookup.answered) return;
  auto& found = lookup.found[question.index];
  const auto* node = status == ARES_SUCCESS && result != nullptr ? result->nodes : nullptr;
  for (; node != nullptr && found.size() < config_.max_addresses; node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    auto address = base::SocketAddress::from(node->ai_addr);
    address.set_port(question.port);
    if (is_host(address)) found.push_back(address);
  }
  // Of several servers all are waited for, so that their order is kept.
  if (lookup.hosts == 0 && lookup.questions == 0) finish(lookup);
}

void Resolver::Impl::finish(Lookup& lookup) {
  if (lookup.answered) return;
  lookup.answered = true;
  std::vector<base::SocketAddress> all;
  for (const auto& found : lookup.found) {
    for (const auto& address : found) {
      if (all.size() < config_.max_addresses && std::ranges::find(all, address) == all.end()) all.push_back(address);
    }
  }
  {
    const std::lock_guard lock(mutex_);
    --pending_;
  }
  const Done done = std::move(lookup.done);
  if (done) done(std::move(all));
}

// What was found by its limit counts; a lookup goes when c-ares holds nothing of it any more.
void Resolver::Impl::sweep() {
  const auto now = clock_now();
  for (auto it = lookups_.begin(); it != lookups_.end();) {
    if (now >= (*it)->limit) finish(**it);
    it = (*it)->answered && (*it)->questions == 0 ? lookups_.erase(it) : std::next(it);
  }
}

Resolver::Resolver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Resolver::~Resolver() = default;

base::Result<std::unique_ptr<Resolver>> Resolver::start(ResolverConfig config) {
  auto impl = std::make_unique<Impl>(std::move(config));
  if (auto opened = impl->open(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<Resolver>(new Resolver(std::move(impl)));
}

void Resolver::resolve(std::string_view host_and_port, Service service, Done done) {
  impl_->resolve(host_and_port, service, std::move(done));
}

}  // namespace net
