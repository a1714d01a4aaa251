#include "sip/framer.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "sip/message.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

constexpr std::size_t kKeptCapacity = 8 * 1024;  // an idle connection holds no more

}  // namespace

void StreamFramer::append(std::string_view bytes) {
  if (broken_) return;
  if (begin_ != 0) {  // at most once per read
    buffer_.erase(0, begin_);
    scanned_ -= std::min(scanned_, begin_);
    begin_ = 0;
  }
  buffer_ += bytes;
}

void StreamFramer::consume(std::size_t bytes) {
  begin_ += bytes;
  scanned_ = begin_;
  whole_ = 0;
  if (begin_ == buffer_.size()) {
    if (buffer_.capacity() > kKeptCapacity) {
      buffer_ = {};
    } else {
      buffer_.clear();
    }
    begin_ = scanned_ = 0;
  }
}

// One CRLF is a pong; a ping whose halves come apart shows as a pong and then a ping.
std::optional<StreamFramer::Frame> StreamFramer::keep_alive() {
  const std::string_view rest = unread();
  if (!rest.starts_with("\r\n")) {
    if (!rest.empty() && rest != "\r") half_ping_ = false;
    return std::nullopt;
  }
  const bool ping = half_ping_ || rest.starts_with("\r\n\r\n");
  const std::size_t size = half_ping_ || !ping ? 2 : 4;
  half_ping_ = !ping;
  consume(size);
  return Frame{ping ? Kind::kPing : Kind::kPong, {}};
}

base::Result<std::size_t> StreamFramer::body_length(std::string_view head) const {
  std::optional<std::uint64_t> length;
  for (std::size_t at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at)) {
    ++at;
    const std::size_t name = scan::skip(head, at, scan::kToken);
    if (header_from(head.substr(at, name - at)) != HeaderId::kContentLength) continue;
    std::size_t colon = name;
    while (colon < head.size() && (head[colon] == ' ' || head[colon] == '\t')) ++colon;
    if (colon == head.size() || head[colon] != ':') continue;
    std::size_t end = head.find("\r\n", colon);
    while (end + 2 < head.size() && (head[end + 2] == ' ' || head[end + 2] == '\t'))
      end = head.find("\r\n", end + 2);
    const auto number = base::parse_decimal(scan::trim(head.substr(colon + 1, end - colon - 1)));
    if (!number) return base::malformed("400 Malformed Content-Length");
    if (length && *length != *number) return base::malformed("400 Conflicting Content-Length");
    length = number;
  }
  if (!length) return base::malformed("400 Missing Content-Length");  // section 18.3
  if (*length > limits_.body) return base::fail(base::ErrorCode::kTooLarge, "513 Message Too Large");
  return static_cast<std::size_t>(*length);
}

base::Result<std::optional<StreamFramer::Frame>> StreamFramer::next() {
  if (broken_) return std::unexpected(*broken_);
  const auto give_up = [&](base::Error error) {
    broken_ = error;
    return std::unexpected(std::move(error));
  };
  if (whole_ == 0) {
    if (auto frame = keep_alive()) return frame;
    scanned_ = std::max(scanned_, begin_);
    const std::size_t end = buffer_.find("\r\n\r\n", scanned_);
    const std::size_t head = (end == std::string::npos ? buffer_.size() : end + 4) - begin_;
    if (head > limits_.head) return give_up({base::ErrorCode::kTooLarge, "513 Message Too Large"});
    if (end == std::string::npos) {
      scanned_ = buffer_.size() - begin_ > 3 ? buffer_.size() - 3 : begin_;
      return std::nullopt;
    }
    auto body = body_length(unread().substr(0, head));
    if (!body) return give_up(std::move(body.error()));
    whole_ = head + *body;
  }
  if (buffer_.size() - begin_ < whole_) return std::nullopt;
  Frame frame{Kind::kMessage, {}};
  if (begin_ == 0 && buffer_.size() == whole_) {
    frame.message = std::move(buffer_);
    buffer_ = {};
    scanned_ = whole_ = 0;
  } else {
    frame.message = buffer_.substr(begin_, whole_);
    consume(whole_);
  }
  return frame;
}

}  // namespace sip
