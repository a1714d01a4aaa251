// A SIP message (RFC 3261 section 7): parsed once, immutable, shared between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sip/uri.hpp"

namespace sip {

enum class Method : std::uint8_t {
  kInvite, kAck, kBye, kCancel, kOptions, kRegister, kPrack, kSubscribe, kNotify, kPublish, kInfo, kRefer,
  kMessage, kUpdate, kOther,
};
std::string_view to_string(Method method);          // "" for kOther
Method method_from(std::string_view text);          // case-sensitive, RFC 3261 section 7.1

enum class Transport : std::uint8_t { kUdp, kTcp, kTls, kWs, kWss };
std::string_view to_string(Transport transport);    // as in Via: "UDP", "WS" ...
inline bool is_reliable(Transport t) { return t != Transport::kUdp; }

// The headers that Parley looks at; every other one is kOther and told by its name.
enum class HeaderId : std::uint8_t {
  kAccept, kAcceptContact, kAllow, kAllowEvents, kAlertInfo, kAuthenticationInfo, kAuthorization, kCallId, kContact,
  kContentDisposition, kContentEncoding, kContentLanguage, kContentLength, kContentType, kCSeq, kDate, kErrorInfo,
  kEvent, kExpires, kFrom, kHistoryInfo, kInReplyTo, kMaxForwards, kMimeVersion, kMinExpires, kMinSe, kOrganization,
  kPAssertedIdentity, kPath, kPriority, kPrivacy, kProxyAuthenticate, kProxyAuthorization, kProxyRequire, kRAck,
  kReason, kRecordRoute, kReferTo, kReferredBy, kReplaces, kReplyTo, kRequire, kRetryAfter, kRoute, kRSeq, kServer,
  kServiceRoute, kSessionExpires, kSubject, kSubscriptionState, kSupported, kTimestamp, kTo, kUnsupported,
  kUserAgent, kVia, kWarning, kWwwAuthenticate,
  kOther,
};
HeaderId header_from(std::string_view name);        // full or compact form, any case
std::string_view to_string(HeaderId id);            // the canonical full name

struct Header {
  HeaderId id = HeaderId::kOther;
  std::string_view name;                            // as written
  std::string_view value;                           // trimmed; a folded value keeps its folds
};

struct Via {
  Transport transport = Transport::kUdp;
  std::string_view transport_text;                  // as written; an unknown one has transport kUdp
  bool known_transport = true;
  std::string_view host;
  std::uint16_t port = 0;                           // 0: none written
  Params params;
  std::string_view branch() const { return params.value("branch"); }
  static base::Result<Via> parse(std::string_view text);
};

struct CSeq {
  std::uint32_t number = 0;
  Method method = Method::kOther;
  std::string_view method_text;
};

// Why a message could not be taken, and what to say to its sender, if anything (RFC 4475, RFC 5118).
struct ParseFailure {
  int status = 400;            // 0: drop silently (a response, or too broken to answer)
  std::string reason;          // the reason phrase, plain ASCII
  // One header that the answer wants (Unsupported, Accept); none when the value is empty.
  HeaderId header = HeaderId::kOther;
  std::string header_value = {};
};

class Message;
using MessagePtr = std::shared_ptr<const Message>;

// Thread: immutable once parsed, so any. All views point into bytes().
class Message {
 public:
  static constexpr std::size_t kMaxHeaders = 256;
  static constexpr std::size_t kMaxHeaderBytes = 64 * 1024;

  // The whole of `bytes` is one message (a datagram, a WebSocket message, or what a framer cut out of a stream).
  // Start line, Via, From, To, Call-ID, CSeq, Content-Length and Max-Forwards are checked here; other headers
  // where they are used. On UDP, bytes after Content-Length are dropped (section 18.3).
  // On failure `failure` (may be null) says what to answer; `partial` requests can then be answered by
  // make_failure_response().
  static base::Result<MessagePtr> parse(base::SharedBytes bytes, ParseFailure* failure = nullptr);

  bool is_request() const { return status_ == 0; }
  Method method() const { return method_; }                     // of a response: its CSeq's
  std::string_view method_text() const { return method_text_; }
  const Uri& request_uri() const { return request_uri_; }       // requests
  std::string_view request_uri_text() const { return request_uri_.text; }
  int status() const { return status_; }                        // responses; 0 for a request
  std::string_view reason() const { return reason_; }

  std::span<const Header> headers() const { return headers_; }
  const Header* find(HeaderId id) const;                        // the first
  const Header* find(std::string_view name) const;              // the first, any name in any case or form
  std::string_view value(HeaderId id) const;                    // the first's value, "" when absent
  std::string_view value(std::string_view name) const;
  // Every element of a comma-separated header, over all its lines, unfolded lazily: for Via, Contact, Route,
  // Record-Route, Allow, Supported, Accept, Require ... Quoted strings and <> are respected.
  std::vector<std::string_view> values(HeaderId id) const;
  bool lists(HeaderId id, std::string_view token) const;        // is `token` one of values(id), without case and parameters?

  std::string_view call_id() const { return call_id_; }
  const CSeq& cseq() const { return cseq_; }
  const NameAddr& from() const { return from_; }
  const NameAddr& to() const { return to_; }
  std::string_view from_tag() const { return from_.tag(); }
  std::string_view to_tag() const { return to_.tag(); }
  const Via& top_via() const { return top_via_; }
  std::optional<int> max_forwards() const { return max_forwards_; }
  base::Result<NameAddr> contact() const;                       // the first; kNotFound without one

  std::string_view body() const { return body_; }
  std::string_view content_type() const { return value(HeaderId::kContentType); }  // byte for byte
  // "application/sdp" out of "Application/SDP; charset=x", lower case.
  std::string media_type() const;

  const base::SharedBytes& bytes() const { return bytes_; }

  // Built by parse() alone.
  struct Private {};
  explicit Message(Private) {}

 private:
  friend class MessageParser;
  base::SharedBytes bytes_;
  std::vector<Header> headers_;
  Method method_ = Method::kOther;
  std::string_view method_text_;
  Uri request_uri_;
  int status_ = 0;
  std::string_view reason_;
  std::string_view call_id_;
  CSeq cseq_;
  NameAddr from_, to_;
  Via top_via_;
  std::optional<int> max_forwards_;
  std::string_view body_;
};

// Where a message came from, stamped by the transport; the flow is RFC 5626's.
struct Source {
  Transport transport = Transport::kUdp;
  base::SocketAddress remote;
  base::SocketAddress local;
  std::uint64_t flow = 0;        // a connection's id; 0 for UDP
  std::uint32_t listener = 0;    // which of our listeners (UDP: whose socket answers)
};

// Writes a message front to back into one string. Header values with CR or LF are refused (the value is cut there):
// nothing that a caller passes on can start a header of its own.
class Writer {
 public:
  static Writer request(std::string_view method, std::string_view uri);
  static Writer response(int status, std::string_view reason = {});   // {}: the RFC's phrase
  Writer& header(HeaderId id, std::string_view value);
  Writer& header(std::string_view name, std::string_view value);
  Writer& header(HeaderId id, std::uint64_t number);
  // Ends the message: Content-Type when not empty, Content-Length, the empty line, the body.
  std::string finish(std::string_view content_type = {}, std::string_view body = {}) &&;
  // Ends the head for a body written apart: Content-Type, Content-Length: `body_size`, the empty line.
  std::string finish_head(std::string_view content_type, std::size_t body_size) &&;

 private:
  std::string text_;
};

std::string_view reason_phrase(int status);

// A response to `request` by RFC 3261 section 8.2.6: Via, From, To (with `to_tag` added when it has none), Call-ID,
// CSeq copied, top Via with received and rport of `source` (section 18.2.1, RFC 3581), Timestamp on 100,
// Record-Route on 101..299. The caller adds more and finishes it.
Writer start_response(const Message& request, const Source& source, int status, std::string_view to_tag,
                      std::string_view reason = {});

// The answer for a request that could not be parsed, out of those of its headers that can be read;
// empty when even those can't (no Via to send it by, or it is a response or an ACK).
std::optional<std::string> make_failure_response(std::string_view bytes, const Source& source, const ParseFailure& failure);

}  // namespace sip
