// A dialog (RFC 3261 section 12): its identity, its numbers, where its requests go, and the head that they begin with.
// One thread. All strings come from messages and are freed of CR and LF on the way in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sip/message.hpp"
#include "sip/network.hpp"
#include "sip/transaction.hpp"

namespace sip {

class Dialog {
 public:
  // Section 12.1.1: we are called. Fails on a Contact that can't be used.
  static base::Result<Dialog> called(const Message& invite, const Source& source, std::string local_tag);
  // Section 12.1.2: we called, `response` has a tag. `local_uri`, `remote_uri`: as in our INVITE.
  static base::Result<Dialog> calling(const Message& response, const Source& source, std::string_view local_uri,
                                      std::string_view remote_uri, std::uint32_t invite_cseq);

  const std::string& call_id() const { return call_id_; }
  const std::string& local_tag() const { return local_tag_; }
  const std::string& remote_tag() const { return remote_tag_; }
  const std::string& local_uri() const { return local_uri_; }
  const std::string& remote_uri() const { return remote_uri_; }
  const std::string& remote_target() const { return remote_target_; }
  const Source& peer() const { return peer_; }
  std::uint32_t local_cseq() const { return local_cseq_; }
  bool we_called() const { return we_called_; }

  // Section 12.2.2: false for a number that is lower than the last one.
  bool take_remote_cseq(std::uint32_t number);
  std::uint32_t next_cseq() { return ++local_cseq_; }
  // Target refresh: the Contact of a re-INVITE, UPDATE or their 2xx, when there is a usable one.
  void refresh_target(const Message& message);
  void move_to(const Source& source);
  bool from_peer(const Source& source) const;

  // The connection closed: from now on TCP and TLS go to a numeric Contact by a new one, WS goes nowhere.
  void lose_flow();
  bool flow_lost() const { return flow_lost_; }
  bool reachable() const { return !flow_lost_ || next_hop_.remote.valid(); }
  const Target& next_hop(Network& network);
  // The Contact's own address for TCP, where it is at the peer's address (spec A.2: big requests of a UDP leg).
  std::optional<Target> tcp_target() const;

  // What an in-dialog request says besides the dialog's own.
  struct Line {
    std::string_view method;
    std::uint32_t cseq = 0;
    std::string_view from_display, to_display;
  };
  // Request line up to CSeq; the branch by `append_branch`. `target`: next_hop(), or another way to the same peer.
  template <typename AppendBranch>
  void append_head(std::string& out, const Line& line, Network& network, const Target& target, AppendBranch&& append_branch) {
    prepare(network);
    out.append(line.method).append(start_);
    append_via(out, network, target);
    append_branch(out);
    out.append(after_branch_);
    append_display(out, line.from_display);
    out.append(from_);
    append_display(out, line.to_display);
    out.append(to_);
    append_number(out, line.cseq);
    out.append(" ").append(line.method).append("\r\n");
  }
  bool utf8(Network& network) { prepare(network); return utf8_; }   // are its parts of the head valid UTF-8?
  std::string contact(Network& network);   // the value of our Contact
  std::size_t head_size(Network& network);

  static std::string contact_value(Network& network, const Target& target);
  static void append_display(std::string& out, std::string_view display);
  static void append_number(std::string& out, std::uint64_t number);

 private:
  Dialog() = default;
  bool set_target(const Message& message);
  void prepare(Network& network);
  void append_via(std::string& out, Network& network, const Target& target);
  void find_next_hop();

  std::string call_id_, local_tag_, remote_tag_, local_uri_, remote_uri_, remote_target_;
  std::vector<std::string> route_set_;
  std::uint32_t local_cseq_ = 0;
  std::optional<std::uint32_t> remote_cseq_;
  Source peer_;
  bool we_called_ = false;
  bool rport_ = true;              // the peer's Via asks for symmetric responses
  bool flow_lost_ = false;
  // Made from the above, once for every change.
  bool prepared_ = false;
  bool utf8_ = true;
  Target next_hop_;
  std::string start_, via_, after_branch_, from_, to_;
};

std::string_view transport_param(Transport transport);   // "tcp", as in a URI; "" for UDP
std::string one_line(std::string_view text);              // CR and LF become spaces
// The address in a URI's host, when that is a number.
std::optional<base::SocketAddress> numeric_address(const Uri& uri, Transport transport);

}  // namespace sip
