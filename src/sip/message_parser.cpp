// RFC 3261 section 7 and 25.1: one pass over the head, then the headers that every message needs.
#include <algorithm>
#include <cstring>

#include "base/text.hpp"
#include "sip/message.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

constexpr std::uint64_t bit(HeaderId id) {
  return 1ULL << static_cast<unsigned>(id);
}
static_assert(static_cast<unsigned>(HeaderId::kOther) < 64);

// Twice the same of these is an error: two readers could take different ones (RFC 3261 section 7.3.1).
constexpr std::uint64_t kSingles =
    bit(HeaderId::kCallId) | bit(HeaderId::kCSeq) | bit(HeaderId::kFrom) | bit(HeaderId::kTo) |
    bit(HeaderId::kMaxForwards) | bit(HeaderId::kContentType) | bit(HeaderId::kContentDisposition) |
    bit(HeaderId::kExpires) | bit(HeaderId::kEvent) | bit(HeaderId::kReferTo) | bit(HeaderId::kReferredBy) |
    bit(HeaderId::kReplaces) | bit(HeaderId::kSessionExpires) | bit(HeaderId::kMinSe) | bit(HeaderId::kRAck) |
    bit(HeaderId::kRSeq) | bit(HeaderId::kSubscriptionState) | bit(HeaderId::kDate);

constexpr std::size_t kTypicalHeaders = 20;
constexpr std::size_t kMaxCallId = 1024;

}  // namespace

class MessageParser {
 public:
  explicit MessageParser(Message& message) : m_(message), text_(*message.bytes_) {}

  bool run() { return start_line() && header_lines() && required() && framing(); }

  ParseFailure failure;

 private:
  bool refuse(std::string reason, int status = 400) {
    failure = {m_.status_ != 0 ? 0 : status, std::move(reason)};
    return false;
  }
  // The line at at_, without its end; at_ moves past it. False without CRLF.
  bool line(std::string_view& out) {
    const std::size_t end = text_.find('\n', at_);
    if (end == std::string_view::npos || end == at_ || text_[end - 1] != '\r') return false;
    out = text_.substr(at_, end - 1 - at_);
    if (out.find('\r') != std::string_view::npos) return false;
    at_ = end + 1;
    return true;
  }

  bool start_line();
  bool request_line(std::string_view text);
  bool status_line(std::string_view text);
  bool header_lines();
  bool one_header(std::string_view text);
  bool first_of(const Header& header);
  bool content_length(std::string_view value);
  bool max_forwards(std::string_view value);
  bool cseq(std::string_view value);
  bool address(const Header& header, NameAddr& out);
  bool required();
  bool framing();

  Message& m_;
  const std::string_view text_;
  std::size_t at_ = 0;
  std::uint64_t seen_ = 0;
  std::optional<std::uint64_t> content_length_;
};

bool MessageParser::start_line() {
  while (text_.substr(at_, 2) == "\r\n") at_ += 2;  // section 7.5
  std::string_view text;
  if (!line(text)) return refuse("No start line", 0);
  const bool response = base::starts_with_ignoring_case(text, "SIP/");
  return response ? status_line(text) : request_line(text);
}

bool MessageParser::request_line(std::string_view text) {
  const std::size_t method = text.find(' ');
  const std::size_t version = text.rfind(' ');
  if (method == std::string_view::npos || version <= method + 1) return refuse("Malformed request line");
  m_.method_text_ = text.substr(0, method);
  m_.method_ = method_from(m_.method_text_);
  if (m_.method_ == Method::kOther && !scan::is_token(m_.method_text_)) return refuse("Malformed method");
  const std::string_view protocol = text.substr(version + 1);
  if (!base::starts_with_ignoring_case(protocol, "SIP/")) return refuse("Malformed request line");
  const std::string_view number = protocol.substr(4);
  if (number != "2.0") {
    if (number.empty() || number.find_first_not_of("0123456789.") != std::string_view::npos) {
      return refuse("Malformed SIP version");
    }
    return refuse("Version Not Supported", 505);
  }
  auto uri = Uri::parse(text.substr(method + 1, version - method - 1));
  if (!uri) {
    if (uri.error().code == base::ErrorCode::kTooLarge) return refuse("Request-URI Too Long", 414);
    return refuse("Malformed Request-URI: " + uri.error().detail);
  }
  if (!uri->headers.empty()) return refuse("Request-URI with header fields");  // RFC 3261 section 19.1.1
  m_.request_uri_ = *uri;
  return true;
}

bool MessageParser::status_line(std::string_view text) {
  m_.status_ = 1;  // from here on a response, so dropped silently when wrong
  if (!base::starts_with_ignoring_case(text, "SIP/2.0 ") || text.size() < 11)
    return refuse("Malformed status line");
  const std::string_view code = text.substr(8, 3);
  if (!std::ranges::all_of(code, scan::is_digit) || (text.size() > 11 && text[11] != ' ')) {
    return refuse("Malformed status code");
  }
  const int status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  if (status < 100 || status > 699) return refuse("Status code out of range");
  m_.status_ = status;
  if (text.size() > 12) m_.reason_ = text.substr(12);
  return true;
}

bool MessageParser::header_lines() {
  m_.headers_.reserve(kTypicalHeaders);
  const std::size_t start = at_;
  for (;;) {
    std::string_view text;
    if (!line(text)) return refuse("Malformed line end or truncated head");
    if (text.empty()) return true;
    const std::size_t begin = static_cast<std::size_t>(text.data() - text_.data());
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) {  // folded
      std::string_view more;
      if (!line(more)) return refuse("Malformed line end or truncated head");
      text = text_.substr(begin, at_ - 2 - begin);
    }
    if (at_ - start > Message::kMaxHeaderBytes) return refuse("Message Too Large", 513);
    if (m_.headers_.size() == Message::kMaxHeaders) return refuse("Too many header fields");
    if (!one_header(text)) return false;
  }
}

bool MessageParser::one_header(std::string_view text) {
  const std::size_t name = scan::skip(text, 0, scan::kToken);
  std::size_t colon = name;
  while (colon < text.size() && (text[colon] == ' ' || text[colon] == '\t')) ++colon;
  if (name == 0 || colon == text.size() || text[colon] != ':') return refuse("Malformed header field name");
  const Header header{header_from(text.substr(0, name)), text.substr(0, name),
                      scan::trim(text.substr(colon + 1))};
  m_.headers_.push_back(header);
  if (header.id == HeaderId::kOther) return true;
  const bool again = (seen_ & bit(header.id)) != 0;
  seen_ |= bit(header.id);
  if (header.id == HeaderId::kContentLength) return content_length(header.value);
  if (again) {
    if ((kSingles & bit(header.id)) == 0) return true;
    return refuse("Duplicate " + std::string(to_string(header.id)));
  }
  return first_of(header);
}

bool MessageParser::first_of(const Header& header) {
  switch (header.id) {
    case HeaderId::kVia: {
      std::string_view rest = header.value;
      std::string_view element;
      if (!scan::next_element(rest, element)) return refuse("Malformed Via");
      auto via = Via::parse(element);
      if (!via) return refuse("Malformed Via: " + via.error().detail);
      m_.top_via_ = *via;
      return true;
    }
    case HeaderId::kFrom:
      return address(header, m_.from_);
    case HeaderId::kTo:
      return address(header, m_.to_);
    case HeaderId::kCallId:
      m_.call_id_ = header.value;
      if (header.value.empty() || header.value.size() > kMaxCallId ||
          std::ranges::any_of(header.value, scan::is_space)) {
        return refuse("Malformed Call-ID");
      }
      return true;
    case HeaderId::kCSeq:
      return cseq(header.value);
    case HeaderId::kMaxForwards:
      return max_forwards(header.value);
    default:
      return true;
  }
}

bool MessageParser::content_length(std::string_view value) {
  const auto number = base::parse_decimal(value);
  if (!number || *number > 0xffffffffU) return refuse("Malformed Content-Length");
  if (content_length_ && *content_length_ != *number) return refuse("Conflicting Content-Length");
  content_length_ = number;
  return true;
}

bool MessageParser::max_forwards(std::string_view value) {
  const auto number = base::parse_decimal(value);
  if (!number || *number > 255) return refuse("Malformed Max-Forwards");
  m_.max_forwards_ = static_cast<int>(*number);
  return true;
}

bool MessageParser::cseq(std::string_view value) {
  const std::size_t digits = std::min(value.find_first_not_of("0123456789"), value.size());
  const std::string_view method = scan::trim(value.substr(digits));
  const auto number = base::parse_decimal(value.substr(0, digits));
  if (!number || *number >= 0x80000000U || digits == value.size() || !scan::is_space(value[digits]) ||
      !scan::is_token(method)) {
    return refuse("Malformed CSeq");
  }
  m_.cseq_ = {static_cast<std::uint32_t>(*number), method_from(method), method};
  return true;
}

bool MessageParser::address(const Header& header, NameAddr& out) {
  auto parsed = NameAddr::parse(header.value);
  if (!parsed) return refuse("Malformed " + std::string(to_string(header.id)) + ": " + parsed.error().detail);
  out = *parsed;
  return true;
}

bool MessageParser::required() {
  for (const HeaderId id :
       {HeaderId::kVia, HeaderId::kFrom, HeaderId::kTo, HeaderId::kCallId, HeaderId::kCSeq}) {
    if ((seen_ & bit(id)) == 0) return refuse("Missing " + std::string(to_string(id)));
  }
  if (!m_.is_request()) {
    m_.method_ = m_.cseq_.method;
    m_.method_text_ = m_.cseq_.method_text;
    return true;
  }
  if (m_.cseq_.method_text != m_.method_text_) {
    // RFC 4475 section 3.1.2.18: 501 says more than 400 where the method is unknown anyway.
    return m_.method_ == Method::kOther ? refuse("Not Implemented", 501) : refuse("CSeq method mismatch");
  }
  // RFC 4475 section 3.2.1: the cookie alone identifies nothing.
  if (m_.top_via_.branch() == "z9hG4bK") return refuse("Empty branch");
  return true;
}

bool MessageParser::framing() {
  m_.body_ = text_.substr(at_);
  if (!content_length_) return true;
  if (*content_length_ > m_.body_.size()) return refuse("Content-Length exceeds message");
  m_.body_ = m_.body_.substr(0, *content_length_);
  return true;
}

base::Result<MessagePtr> Message::parse(base::SharedBytes bytes, ParseFailure* failure) {
  auto message = std::make_shared<Message>(Private{});
  message->bytes_ = std::move(bytes);
  MessageParser parser(*message);
  if (parser.run()) return message;
  const auto code =
      parser.failure.status == 505 ? base::ErrorCode::kUnsupported : base::ErrorCode::kMalformed;
  auto error = base::fail(code, parser.failure.reason);
  if (failure) *failure = std::move(parser.failure);
  return error;
}

}  // namespace sip
