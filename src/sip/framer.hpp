// Cuts a byte stream into SIP messages (RFC 3261 section 18.3) and keep-alives (RFC 5626 section 4.4.1).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sip {

// One per TCP or TLS connection; its I/O thread. Memory is bounded by the limits.
class StreamFramer {
 public:
  struct Limits {
    std::size_t head = 64 * 1024;      // start line and headers
    std::size_t body = 256 * 1024;
  };
  StreamFramer() = default;
  explicit StreamFramer(Limits limits) : limits_(limits) {}

  void append(std::string_view bytes);

  enum class Kind { kMessage, kPing /* CRLFCRLF: answer CRLF */, kPong };
  struct Frame {
    Kind kind;
    std::string message;
  };
  // The next whole frame; empty: more bytes are needed. An error: the stream can't be followed any more (no or a wrong
  // Content-Length, over a limit), answer with `status` out of the detail's leading number where it has one, then close.
  base::Result<std::optional<Frame>> next();

  // What hasn't been given out: after an error its front is the message that was at fault, for make_failure_response().
  std::string_view unread() const { return std::string_view(buffer_).substr(begin_); }

 private:
  std::optional<Frame> keep_alive();
  base::Result<std::size_t> body_length(std::string_view head) const;
  void consume(std::size_t bytes);

  Limits limits_;
  std::string buffer_;
  std::size_t begin_ = 0;           // what is before it has been given out
  std::size_t scanned_ = 0;         // where the search for the head's end goes on
  std::size_t whole_ = 0;           // the message's size once its head is there, 0 before
  bool half_ping_ = false;          // the last bytes given out were one CRLF
  std::optional<base::Error> broken_;
};

}  // namespace sip
