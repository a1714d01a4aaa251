#include "sip/dialog.hpp"

#include <algorithm>
#include <charconv>

#include "base/random.hpp"
#include "base/text.hpp"

namespace sip {

std::string_view transport_param(Transport transport) {
  switch (transport) {
    case Transport::kTcp: return "tcp";
    case Transport::kTls: return "tls";
    case Transport::kWs:
    case Transport::kWss: return "ws";   // RFC 7118 section 5.2: of both
    default: return "";
  }
}

std::string one_line(std::string_view text) {
  std::string out(text);
  std::replace_if(out.begin(), out.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return out;
}

std::optional<base::SocketAddress> numeric_address(const Uri& uri, Transport transport) {
  std::uint16_t port = uri.port;
  if (port == 0) port = transport == Transport::kTls ? 5061 : 5060;
  return base::SocketAddress::parse(uri.host, port);
}

bool Dialog::set_target(const Message& message) {
  const auto contact = message.contact();
  if (!contact || !contact->uri.is_sip()) return false;
  remote_target_ = one_line(contact->uri_text);
  prepared_ = false;
  return true;
}

base::Result<Dialog> Dialog::called(const Message& invite, const Source& source, std::string local_tag) {
  Dialog dialog;
  if (!dialog.set_target(invite)) return base::malformed("no usable Contact");
  dialog.call_id_ = one_line(invite.call_id());
  dialog.local_tag_ = std::move(local_tag);
  dialog.remote_tag_ = one_line(invite.from_tag());
  dialog.local_uri_ = one_line(invite.to().uri_text);
  dialog.remote_uri_ = one_line(invite.from().uri_text);
  for (const std::string_view route : invite.values(HeaderId::kRecordRoute)) dialog.route_set_.push_back(one_line(route));
  dialog.local_cseq_ = base::random_u32() % 1'000'000 + 1;
  dialog.remote_cseq_ = invite.cseq().number;
  dialog.peer_ = source;
  dialog.rport_ = invite.top_via().params.has("rport");
  return dialog;
}

base::Result<Dialog> Dialog::calling(const Message& response, const Source& source, std::string_view local_uri,
                                     std::string_view remote_uri, std::uint32_t invite_cseq) {
  Dialog dialog;
  if (!dialog.set_target(response)) return base::malformed("no usable Contact");
  dialog.we_called_ = true;
  dialog.call_id_ = one_line(response.call_id());
  dialog.local_tag_ = one_line(response.from_tag());
  dialog.remote_tag_ = one_line(response.to_tag());
  dialog.local_uri_ = local_uri;
  dialog.remote_uri_ = remote_uri;
  for (const std::string_view route : response.values(HeaderId::kRecordRoute)) dialog.route_set_.push_back(one_line(route));
  std::reverse(dialog.route_set_.begin(), dialog.route_set_.end());
  dialog.local_cseq_ = invite_cseq;
  dialog.peer_ = source;
  return dialog;
}

bool Dialog::take_remote_cseq(std::uint32_t number) {
  if (remote_cseq_ && number < *remote_cseq_) return false;
  remote_cseq_ = number;
  return true;
}

void Dialog::refresh_target(const Message& message) { set_target(message); }

void Dialog::move_to(const Source& source) {
  peer_ = source;
  flow_lost_ = false;
  prepared_ = false;
}

bool Dialog::from_peer(const Source& source) const {
  if (source.transport != peer_.transport) return false;
  if (source.flow != 0 || peer_.flow != 0) return source.flow == peer_.flow && !flow_lost_;
  return source.remote == peer_.remote;
}

void Dialog::lose_flow() {
  flow_lost_ = true;
  prepared_ = false;
  find_next_hop();
}

// A stream's requests go by the flow that the peer came in by (RFC 5626, RFC 7118). Over UDP they go to the first
// route, else to the address that the peer came from: behind a NAT its Contact is of no use, and a Contact that is somebody else's
// address would let a caller have us flood it.
void Dialog::find_next_hop() {
  next_hop_ = Target::back_to(peer_);
  if (is_reliable(peer_.transport) && !flow_lost_) return;
  const bool websocket = peer_.transport == Transport::kWs || peer_.transport == Transport::kWss;
  const auto first = route_set_.empty() ? base::Result<NameAddr>(base::fail(base::ErrorCode::kNotFound))
                                        : NameAddr::parse(route_set_.front());
  const auto contact = Uri::parse(remote_target_);
  const Uri* uri = first ? &first->uri : contact ? &*contact : nullptr;
  const auto address = uri != nullptr ? numeric_address(*uri, peer_.transport) : std::nullopt;
  if (flow_lost_) {
    next_hop_.flow = 0;
    next_hop_.remote = !websocket && address ? *address : base::SocketAddress{};
    return;
  }
  if (first && address) {
    next_hop_.remote = *address;
  } else if (address && address->same_ip(peer_.remote) && !rport_) {
    next_hop_.remote = *address;   // not behind a NAT, and sends from another port than it listens on
  }
}

const Target& Dialog::next_hop(Network& network) {
  prepare(network);
  return next_hop_;
}

std::optional<Target> Dialog::tcp_target() const {
  if (peer_.transport != Transport::kUdp || !route_set_.empty()) return std::nullopt;
  const auto contact = Uri::parse(remote_target_);
  if (!contact) return std::nullopt;
  const auto address = numeric_address(*contact, Transport::kTcp);
  // Another machine's Contact would make us connect to whatever a caller names.
  if (!address || !address->same_ip(peer_.remote)) return std::nullopt;
  return Target{Transport::kTcp, *address, 0, peer_.listener};
}

std::string Dialog::contact_value(Network& network, const Target& target) {
  std::string out = "<sip:" + network.local_host(target);
  if (const auto transport = transport_param(target.transport); !transport.empty()) {
    out.append(";transport=").append(transport);
  }
  return out + ">";
}

std::string Dialog::contact(Network& network) {
  prepare(network);
  return contact_value(network, next_hop_);
}

void Dialog::append_via(std::string& out, Network& network, const Target& target) {
  if (target.transport == next_hop_.transport) {
    out.append(via_);
    return;
  }
  out.append("SIP/2.0/").append(to_string(target.transport)).append(" ").append(network.local_host(target));
  out.append(";rport;branch=");
}

// Sections 12.2.1.1 and 8.1.1.
void Dialog::prepare(Network& network) {
  if (prepared_) return;
  prepared_ = true;
  find_next_hop();
  std::string request_uri = remote_target_;
  std::vector<std::string> routes = route_set_;
  if (!routes.empty()) {
    const auto first = NameAddr::parse(routes.front());
    if (first && !first->uri.params.has("lr")) {   // a strict router
      request_uri = one_line(first->uri_text);
      routes.erase(routes.begin());
      routes.push_back("<" + remote_target_ + ">");
    }
  }
  start_ = " " + request_uri + " SIP/2.0\r\nVia: ";
  via_.clear();
  via_.append("SIP/2.0/").append(to_string(next_hop_.transport)).append(" ").append(network.local_host(next_hop_));
  via_.append(";rport;branch=");
  after_branch_ = "\r\nMax-Forwards: 70\r\n";
  for (const std::string& route : routes) after_branch_.append("Route: ").append(route).append("\r\n");
  after_branch_.append("From: ");
  from_ = "<" + local_uri_ + ">;tag=" + local_tag_ + "\r\nTo: ";
  to_ = "<" + remote_uri_ + ">";
  if (!remote_tag_.empty()) to_.append(";tag=").append(remote_tag_);   // RFC 2543 peers may have none
  to_.append("\r\nCall-ID: ").append(call_id_).append("\r\nCSeq: ");
  utf8_ = base::valid_utf8(start_) && base::valid_utf8(after_branch_) && base::valid_utf8(from_) && base::valid_utf8(to_);
}

std::size_t Dialog::head_size(Network& network) {
  prepare(network);
  return start_.size() + via_.size() + after_branch_.size() + from_.size() + to_.size() + 96;
}

void Dialog::append_display(std::string& out, std::string_view display) {
  if (display.empty()) return;
  out += '"';
  for (const char c : display) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
  }
  out.append("\" ");
}

void Dialog::append_number(std::string& out, std::uint64_t number) {
  char text[20];
  const auto [end, error] = std::to_chars(text, text + sizeof text, number);
  out.append(text, static_cast<std::size_t>(end - text));
}

}  // namespace sip
