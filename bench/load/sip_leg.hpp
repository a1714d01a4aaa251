// A SIP client of one call, as cheap as it can be: over a UDP socket or a WebSocket of its own. It knows what the load programs
// need and no more: INVITE, ACK, BYE, MESSAGE both ways, re-INVITEs answered.
#pragma once

#include <netinet/tcp.h>
#include <poll.h>

#include <charconv>
#include <functional>
#include <memory>

#include "load/measure.hpp"

namespace load {

// The lines of a message that an answer is made of; views into it.
struct Fields {
  std::string_view first, via, from, to, call_id, cseq, contact, type, body;
  int status = 0;                        // 0: a request
  std::string_view method() const {
    return status == 0 ? first.substr(0, first.find(' ')) : cseq.substr(cseq.rfind(' ') + 1);
  }
  std::uint32_t number() const {
    std::uint32_t n = 0;
    std::from_chars(cseq.data() + cseq.find(':') + 2, cseq.data() + cseq.size(), n);
    return n;
  }
  static std::string_view value(std::string_view line) { return line.substr(std::min(line.find(':') + 2, line.size())); }
};

inline Fields read_fields(std::string_view text) {
  Fields f;
  const auto end_of_head = text.find("\r\n\r\n");
  if (end_of_head == text.npos) return f;
  f.body = text.substr(end_of_head + 4);
  std::size_t at = text.find("\r\n");
  f.first = text.substr(0, at);
  if (f.first.starts_with("SIP/2.0 ")) f.status = std::atoi(f.first.data() + 8);
  while (at < end_of_head) {
    const auto begin = at + 2;
    at = text.find("\r\n", begin);
    const auto line = text.substr(begin, at - begin);
    if (line.size() < 5) continue;
    switch (line[0]) {
      case 'V': if (line.starts_with("Via:") && f.via.empty()) f.via = line; break;
      case 'F': if (line.starts_with("From:")) f.from = line; break;
      case 'T': if (line.starts_with("To:")) f.to = line; break;
      case 'C':
        if (line.starts_with("Call-ID:")) f.call_id = line;
        else if (line.starts_with("CSeq:")) f.cseq = line;
        else if (line.starts_with("Contact:")) f.contact = line;
        else if (line.starts_with("Content-Type:")) f.type = Fields::value(line);
        break;
      default: break;
    }
  }
  return f;
}

class Link : public Readable {
 public:
  std::function<void(std::string_view)> on_text;
  virtual void send(std::string_view text) = 0;
  virtual std::string_view transport() const = 0;
  virtual std::string host() const = 0;      // of Via and Contact
};

class UdpLink final : public Link {
 public:
  UdpLink(Loop& loop, std::uint16_t server) {
    const auto to = loopback(server);
    fd_ = udp_socket(&to);
    loop.add(fd_, *this);
  }
  ~UdpLink() override { ::close(fd_); }
  void send(std::string_view text) override {
    if (::send(fd_, text.data(), text.size(), 0) < 0) ++errors;
  }
  void on_readable() override {
    Receiver::shared().drain(fd_, [this](const std::uint8_t* data, std::size_t size) { on_text({reinterpret_cast<const char*>(data), size}); });
  }
  std::string_view transport() const override { return "UDP"; }
  std::string host() const override { return fmt::format("127.0.0.1:{}", port_of(fd_)); }
  std::size_t errors = 0;

 private:
  int fd_;
};

// Many legs by one UDP socket, as sipp has it: told apart by their Call-IDs "load-PID-INDEX".
class UdpHub final : public Readable {
 public:
  UdpHub(Loop& loop, std::uint16_t server) {
    const auto to = loopback(server);
    fd_ = udp_socket(&to);
    const int size = 8 << 20;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    loop.add(fd_, *this);
  }
  ~UdpHub() override { ::close(fd_); }
  std::unique_ptr<Link> link() {
    auto made = std::make_unique<Part>(*this);
    parts_.push_back(made.get());
    return made;
  }
  void on_readable() override {
    Receiver::shared().drain(fd_, [this](const std::uint8_t* data, std::size_t size) {
      const std::string_view text(reinterpret_cast<const char*>(data), size);
      const auto at = text.find("\r\nCall-ID: load-");
      const auto dash = at == text.npos ? at : text.find('-', at + 16);
      const auto index = dash == text.npos ? parts_.size() : static_cast<std::size_t>(std::atoi(text.data() + dash + 1));
      if (index < parts_.size()) parts_[index]->on_text(text);
    });
  }

 private:
  class Part final : public Link {
   public:
    explicit Part(UdpHub& hub) : hub_(hub) {}
    void send(std::string_view text) override { static_cast<void>(::send(hub_.fd_, text.data(), text.size(), 0)); }
    void on_readable() override {}
    std::string_view transport() const override { return "UDP"; }
    std::string host() const override { return fmt::format("127.0.0.1:{}", port_of(hub_.fd_)); }

   private:
    UdpHub& hub_;
  };
  int fd_;
  std::vector<Part*> parts_;
};

// RFC 6455, the client's side. The mask is zero: allowed, and it costs the client nothing (the server unmasks all the same).
class WebSocketLink final : public Link {
 public:
  WebSocketLink(Loop& loop, std::uint16_t server) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto to = loopback(server);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) die("no connection to the WebSocket port");
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    write_all(fmt::format("GET /ws HTTP/1.1\r\nHost: localhost:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: sip\r\n\r\n", server));
    std::string answer;
    for (char c; !answer.ends_with("\r\n\r\n") && ::read(fd_, &c, 1) == 1;) answer += c;
    if (!answer.starts_with("HTTP/1.1 101")) die("no WebSocket: " + answer.substr(0, answer.find('\r')));
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
    loop.add(fd_, *this);
  }
  ~WebSocketLink() override { ::close(fd_); }

  void send(std::string_view text) override {
    scratch_.clear();
    scratch_ += '\x81';
    if (text.size() < 126) {
      scratch_ += static_cast<char>(0x80 | text.size());
    } else if (text.size() < 65536) {
      scratch_ += '\xfe';
      scratch_ += static_cast<char>(text.size() >> 8);
      scratch_ += static_cast<char>(text.size() & 255);
    } else {
      die("too large a message for this client");
    }
    scratch_.append(4, '\0').append(text);
    write_all(scratch_);
  }

  void on_readable() override {
    thread_local std::array<char, 262144> chunk;
    const auto size = ::read(fd_, chunk.data(), chunk.size());
    if (size == 0) die("the server closed a WebSocket");
    if (size < 0) return;
    std::string_view in(chunk.data(), static_cast<std::size_t>(size));
    if (!pending_.empty()) {
      pending_.append(in);
      in = pending_;
    }
    std::size_t used = 0;
    while (const auto frame = next_frame(in.substr(used))) used += frame;
    if (pending_.empty()) {
      pending_.assign(in.substr(used));
    } else {
      pending_.erase(0, used);
    }
  }
  std::string_view transport() const override { return "WS"; }
  std::string host() const override { return "load.invalid"; }

 private:
  // The size of the whole first frame, handled; 0: there is none yet.
  std::size_t next_frame(std::string_view in) {
    if (in.size() < 2) return 0;
    std::size_t head = 2, size = static_cast<std::uint8_t>(in[1]) & 127;
    if (size >= 126) {
      const std::size_t bytes = size == 126 ? 2 : 8;
      if (in.size() < 2 + bytes) return 0;
      size = 0;
      for (std::size_t i = 0; i < bytes; ++i) size = size << 8 | static_cast<std::uint8_t>(in[2 + i]);
      head += bytes;
    }
    if (in.size() < head + size) return 0;
    const int opcode = in[0] & 15;
    if (opcode == 1 || opcode == 2) on_text(in.substr(head, size));
    if (opcode == 9) {
      std::string pong{'\x8a', static_cast<char>(0x80 | size), 0, 0, 0, 0};
      write_all(pong.append(in.substr(head, size)));
    }
    return head + size;
  }
  void write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::write(fd_, bytes.data(), bytes.size());
      if (n > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(n));
      } else {
        pollfd wait{fd_, POLLOUT, 0};
        ::poll(&wait, 1, 1000);
      }
    }
  }
  int fd_;
  std::string scratch_, pending_;
};

class Leg {
 public:
  std::function<void(Leg&, const Fields&)> on_message;                 // a copy or an event; it is answered already
  std::function<void(Leg&, int status, std::uint32_t cseq)> on_message_answer;
  std::function<void(Leg&, std::string_view sdp)> on_established;      // with the answer of the INVITE
  std::function<std::string(Leg&, std::string_view sdp)> on_offer;     // of a re-INVITE

  Leg(std::unique_ptr<Link> link, std::size_t index, std::string room)
      : index(index), link_(std::move(link)), room_(std::move(room)), host_(link_->host()) {
    link_->on_text = [this](std::string_view text) { receive(text); };
  }

  void invite(std::string_view sdp, bool events) {
    invited_at = now_us();
    send_request("INVITE", 1, "application/sdp", sdp,
                 fmt::format("Contact: <sip:u{}@{};transport={}>\r\nAllow: INVITE, ACK, CANCEL, BYE, UPDATE, MESSAGE, OPTIONS\r\n{}", index, host_,
                             link_->transport() == "UDP" ? "udp" : "ws",
                             events ? "Accept: application/sdp, application/x-asterisk-confbridge-event+json\r\n" : ""));
  }
  // The CSeq of the request.
  std::uint32_t message(std::string_view type, std::string_view body) {
    send_request("MESSAGE", ++cseq_, type, body, "");
    return cseq_;
  }
  void bye() { send_request("BYE", ++cseq_, "", "", ""); }
  bool established() const { return established_at != 0; }

  const std::size_t index;
  std::uint64_t invited_at = 0, established_at = 0;
  std::size_t copy_size = 0, answer_size = 0;          // of the last MESSAGE and our 200, for the floor
  std::size_t failures = 0, offers = 0;

 private:
  void send_request(std::string_view method, std::uint32_t cseq, std::string_view type, std::string_view body, std::string_view headers) {
    out_.clear();
    const auto target = remote_.empty() ? fmt::format("sip:{}@127.0.0.1", room_) : remote_;
    fmt::format_to(std::back_inserter(out_),
                   "{} {} SIP/2.0\r\nVia: SIP/2.0/{} {};rport;branch=z9hG4bKl{}y{}x{}{}\r\nMax-Forwards: 70\r\nFrom: \"User {}\" <sip:u{}@127.0.0.1>;tag=l{}\r\n"
                   "To: <sip:{}@127.0.0.1>{}\r\nCall-ID: load-{}-{}.{}\r\nCSeq: {} {}\r\n{}",
                   method, target, link_->transport(), host_, index, serial_, cseq, method == "ACK" ? "a" : "", index, index, index, room_,
                   to_tag_.empty() ? "" : ";tag=" + to_tag_, ::getpid(), index, serial_, cseq, method, headers);
    if (!type.empty()) fmt::format_to(std::back_inserter(out_), "Content-Type: {}\r\n", type);
    fmt::format_to(std::back_inserter(out_), "Content-Length: {}\r\n\r\n{}", body.size(), body);
    link_->send(out_);
  }

  void respond(const Fields& f, std::string_view type = {}, std::string_view body = {}) {
    out_.assign("SIP/2.0 200 OK\r\n");
    for (const auto line : {f.via, f.from, f.to, f.call_id, f.cseq}) out_.append(line).append("\r\n");
    if (!type.empty()) {
      fmt::format_to(std::back_inserter(out_), "Contact: <sip:u{}@{};transport={}>\r\nContent-Type: {}\r\n", index, host_,
                     link_->transport() == "UDP" ? "udp" : "ws", type);
    }
    fmt::format_to(std::back_inserter(out_), "Content-Length: {}\r\n\r\n", body.size());
    out_.append(body);
    link_->send(out_);
  }

  void receive(std::string_view text) {
    const auto f = read_fields(text);
    if (f.status != 0) return receive_response(f);
    const auto method = f.method();
    if (method == "ACK") return;
    if (method == "INVITE") {
      ++offers;
      return respond(f, "application/sdp", on_offer ? on_offer(*this, f.body) : std::string());
    }
    respond(f);
    if (method == "MESSAGE") {
      copy_size = text.size();
      answer_size = out_.size();
      if (on_message) on_message(*this, f);
    } else if (method == "BYE") {
      ++failures;
    }
  }

  void receive_response(const Fields& f) {
    if (f.status < 200) return;
    if (f.method() == "MESSAGE") {
      if (on_message_answer) on_message_answer(*this, f.status, f.number());
    } else if (f.method() == "INVITE") {
      if (f.status >= 300) {
        ++failures;
        if (failures == 1) fmt::print(stderr, "load: {} {}\n", f.first, f.body);
        return;
      }
      const auto tag = f.to.find(";tag=");
      if (tag != f.to.npos) to_tag_ = f.to.substr(tag + 5);
      const auto open = f.contact.find('<');
      if (open != f.contact.npos) remote_ = f.contact.substr(open + 1, f.contact.find('>') - open - 1);
      const std::string answer(f.body);
      send_request("ACK", 1, "", "", "");
      if (!established()) {
        established_at = now_us();
        if (on_established) on_established(*this, answer);
      }
    }
  }

  static inline std::size_t serials_ = 0;

  std::unique_ptr<Link> link_;
  const std::size_t serial_ = ++serials_;              // no two calls are the same one
  const std::string room_, host_;
  std::string to_tag_, remote_, out_;
  std::uint32_t cseq_ = 1;
};

inline std::unique_ptr<Link> make_link(const std::string& transport, Loop& loop, const Server& server) {
  if (transport == "udp") return std::make_unique<UdpLink>(loop, server.sip_port());
  return std::make_unique<WebSocketLink>(loop, server.http_port());
}

// A phone's offer of G.711.
inline std::string audio_offer(std::uint16_t port) {
  return fmt::format("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
                     "a=ptime:20\r\na=sendrecv\r\n", port);
}
inline std::uint16_t media_port(std::string_view sdp) {
  const auto at = sdp.find("\nm=");
  const auto space = at == sdp.npos ? sdp.npos : sdp.find(' ', at);
  return space == sdp.npos ? std::uint16_t{0} : static_cast<std::uint16_t>(std::atoi(sdp.data() + space));
}

}  // namespace load
