// A listening TCP socket.
#pragma once

#include <functional>
#include <memory>

#include "base/address.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "net/io_threads.hpp"
#include "net/udp_socket.hpp"

namespace net {

// Created and destroyed on any thread while its I/O thread runs; works on its I/O thread.
class TcpListener {
 public:
  // Called on the I/O thread with each accepted socket, non-blocking and without Nagle's delay.
  using OnAccept = std::function<void(Fd socket, const base::SocketAddress& remote)>;
  static base::Result<std::unique_ptr<TcpListener>> listen(IoThread& thread, const base::SocketAddress& address, bool dual_stack,
                                                           OnAccept on_accept);
  ~TcpListener();
  const base::SocketAddress& local() const { return local_; }

 private:
  TcpListener(IoThread& thread, OnAccept on_accept) : thread_(thread), on_accept_(std::move(on_accept)) {}
  void accept_some();

  IoThread& thread_;
  OnAccept on_accept_;
  base::SocketAddress local_;
  base::LogLimit log_limit_;
  std::unique_ptr<FdWatch> watch_;
  std::unique_ptr<Timer> pause_;
};

}  // namespace net
