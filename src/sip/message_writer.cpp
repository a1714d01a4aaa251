// Writing messages: whatever a caller passes on, it can't start a header of its own.
#include <fmt/format.h>

#include "sip/message.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

constexpr std::size_t kTypicalHead = 640;

// Up to the first CR or LF that isn't a fold; a fold becomes one space.
void append_value(std::string& out, std::string_view value) {
  for (;;) {
    const std::size_t end = value.find_first_of("\r\n");
    out += value.substr(0, end);
    if (end == std::string_view::npos) return;
    const std::string_view rest = value.substr(end);
    if (rest.size() < 3 || rest[0] != '\r' || rest[1] != '\n' || (rest[2] != ' ' && rest[2] != '\t')) return;
    const std::size_t next = rest.find_first_not_of(" \t", 2);
    if (next == std::string_view::npos) return;
    out += ' ';
    value = rest.substr(next);
  }
}

// One word of a start line.
void append_word(std::string& out, std::string_view word) {
  out += word.substr(0, word.find_first_of(" \t\r\n"));
}

}  // namespace

Writer Writer::request(std::string_view method, std::string_view uri) {
  Writer writer;
  writer.text_.reserve(kTypicalHead);
  append_word(writer.text_, method);
  writer.text_ += ' ';
  append_word(writer.text_, uri);
  writer.text_ += " SIP/2.0\r\n";
  return writer;
}

Writer Writer::response(int status, std::string_view reason) {
  Writer writer;
  writer.text_.reserve(kTypicalHead);
  fmt::format_to(std::back_inserter(writer.text_), "SIP/2.0 {:03} ", status);
  append_value(writer.text_, reason.empty() ? reason_phrase(status) : reason);
  writer.text_ += "\r\n";
  return writer;
}

Writer& Writer::header(std::string_view name, std::string_view value) {
  if (!scan::is_token(name)) return *this;
  text_ += name;
  text_ += ": ";
  append_value(text_, value);
  text_ += "\r\n";
  return *this;
}

Writer& Writer::header(HeaderId id, std::string_view value) {
  return header(to_string(id), value);
}

Writer& Writer::header(HeaderId id, std::uint64_t number) {
  const fmt::format_int text(number);
  return header(to_string(id), std::string_view(text.data(), text.size()));
}

std::string Writer::finish_head(std::string_view content_type, std::size_t body_size) && {
  if (!content_type.empty()) header(HeaderId::kContentType, content_type);
  header(HeaderId::kContentLength, body_size);
  text_ += "\r\n";
  return std::move(text_);
}

std::string Writer::finish(std::string_view content_type, std::string_view body) && {
  text_.reserve(text_.size() + content_type.size() + body.size() + 64);
  std::string text = std::move(*this).finish_head(content_type, body.size());
  text += body;
  return text;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Trying";
    case 180:
      return "Ringing";
    case 181:
      return "Call Is Being Forwarded";
    case 182:
      return "Queued";
    case 183:
      return "Session Progress";
    case 199:
      return "Early Dialog Terminated";
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 204:
      return "No Notification";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Moved Temporarily";
    case 305:
      return "Use Proxy";
    case 380:
      return "Alternative Service";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 410:
      return "Gone";
    case 412:
      return "Conditional Request Failed";
    case 413:
      return "Request Entity Too Large";
    case 414:
      return "Request-URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Unsupported URI Scheme";
    case 420:
      return "Bad Extension";
    case 421:
      return "Extension Required";
    case 422:
      return "Session Interval Too Small";
    case 423:
      return "Interval Too Brief";
    case 428:
      return "Use Identity Header";
    case 429:
      return "Provide Referrer Identity";
    case 430:
      return "Flow Failed";
    case 433:
      return "Anonymity Disallowed";
    case 436:
      return "Bad Identity Info";
    case 437:
      return "Unsupported Credential";
    case 438:
      return "Invalid Identity Header";
    case 439:
      return "First Hop Lacks Outbound Support";
    case 440:
      return "Max-Breadth Exceeded";
    case 469:
      return "Bad Info Package";
    case 470:
      return "Consent Needed";
    case 480:
      return "Temporarily Unavailable";
    case 481:
      return "Call/Transaction Does Not Exist";
    case 482:
      return "Loop Detected";
    case 483:
      return "Too Many Hops";
    case 484:
      return "Address Incomplete";
    case 485:
      return "Ambiguous";
    case 486:
      return "Busy Here";
    case 487:
      return "Request Terminated";
    case 488:
      return "Not Acceptable Here";
    case 489:
      return "Bad Event";
    case 491:
      return "Request Pending";
    case 493:
      return "Undecipherable";
    case 494:
      return "Security Agreement Required";
    case 500:
      return "Server Internal Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Server Time-out";
    case 505:
      return "Version Not Supported";
    case 513:
      return "Message Too Large";
    case 555:
      return "Push Notification Service Not Supported";
    case 580:
      return "Precondition Failure";
    case 600:
      return "Busy Everywhere";
    case 603:
      return "Decline";
    case 604:
      return "Does Not Exist Anywhere";
    case 606:
      return "Not Acceptable";
    case 607:
      return "Unwanted";
    default:
      break;
  }
  switch (status / 100) {
    case 1:
      return "Session Progress";
    case 2:
      return "OK";
    case 3:
      return "Multiple Choices";
    case 4:
      return "Bad Request";
    case 5:
      return "Server Internal Error";
    default:
      return "Decline";
  }
}

}  // namespace sip
