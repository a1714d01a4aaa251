// What the shard itself has of UDP: a descriptor of each port, to read by while little comes (SipUdpReader), and to write a few
// datagrams by: waking an I/O thread would cost more than they do. Many go to the I/O thread as a batch, so that the shard thinks while
// they are written.
#pragma once

#include <memory>
#include <vector>

#include "net/udp_socket.hpp"
#include "runtime/sip_endpoint_io.hpp"

namespace runtime {

// Thread: the shard's.
class SipUdpWriter {
 public:
  static constexpr std::size_t kAtOnce = 16;

  // A descriptor of its own for the listener's port, so that the I/O thread may close its one at any time. By the listeners' order.
  void add(std::uint32_t listener, const net::UdpSocket& socket);
  void close() { ports_.clear(); }
  // -1: there is none.
  int fd(std::uint32_t listener) const { return listener < ports_.size() && ports_[listener] ? ports_[listener]->socket.fd() : -1; }

  // True: all of `batch` are datagrams, and few enough.
  bool takes(const std::vector<SipOutgoing>& batch) const;
  // Removes from `batch` what was written, or never can be (told to `failed`). What a full socket leaves stays in it.
  template <typename Failed>
  std::size_t write(std::vector<SipOutgoing>& batch, Failed&& failed) {
    std::size_t done = 0;
    for (bool blocked = false; done < batch.size() && !blocked;) {
      auto& port = *ports_[batch[done].target.listener];
      auto end = done;
      while (end < batch.size() && batch[end].target.listener == batch[done].target.listener) put(port, batch[end++]);
      blocked = !port.out.send(port.socket.fd(), [&](std::size_t index, int) { failed(batch[done + index].target); });
      done = blocked ? done + port.out.sent() : end;
      port.out.clear();
    }
    batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(done));
    return done;
  }

 private:
  struct Port {
    net::UdpSocket socket;
    net::SendBatch out{kAtOnce};
  };
  static void put(Port& port, const SipOutgoing& item);

  std::vector<std::unique_ptr<Port>> ports_;     // by listener; null: not UDP
};

}  // namespace runtime
