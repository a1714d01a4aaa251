// Requests out of a byte stream (RFC 9112), by Boost.Beast, which is seen by this one's .cpp alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "net/http.hpp"

namespace net {

// One request. No I/O, one thread. Memory: the header limit, then what set_body_limit() allows.
class HttpRequestParser {
 public:
  explicit HttpRequestParser(std::size_t header_limit);
  ~HttpRequestParser();

  enum class State { kHeader, kBody /* the header is whole: set the body's limit */, kDone, kFailed };
  // Takes what it can from the front of `bytes` (`used`); what is left is to be given again with more behind it.
  State feed(std::string_view bytes, std::size_t& used);
  // Between kBody and the next feed(). False: Content-Length says already that it is more.
  bool set_body_limit(std::size_t limit);
  const HttpRequest& header() const;                     // from kBody on, without the body
  bool expects_continue() const;
  bool keep_alive() const;
  HttpRequest take();                                    // at kDone
  int status() const;                                    // at kFailed: what to answer (400, 413, 431, 505)

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace net
