#include "runtime/sip_udp_writer.hpp"

#include <algorithm>

namespace runtime {

void SipUdpWriter::add(std::uint32_t listener, const net::UdpSocket& socket) {
  auto own = socket.duplicate();
  if (!own) return;   // no descriptor left: the I/O thread writes all
  if (ports_.size() <= listener) ports_.resize(listener + 1);
  ports_[listener] = std::make_unique<Port>();
  ports_[listener]->socket = std::move(*own);
}

bool SipUdpWriter::takes(const std::vector<SipOutgoing>& batch) const {
  return batch.size() <= kAtOnce && std::ranges::all_of(batch, [this](const auto& item) {
    return item.kind == SipOutgoing::Kind::kPacket && !item.flow && item.target.listener < ports_.size() && ports_[item.target.listener];
  });
}

void SipUdpWriter::put(Port& port, const SipOutgoing& item) {
  port.out.add(port.socket, item.target.remote, base::as_bytes(*item.packet.head), item.packet.body ? base::as_bytes(*item.packet.body) : base::ByteView{});
}

}  // namespace runtime
