// The names of headers and methods, and finding them: a table without collisions, made by the compiler.
#include <array>

#include "base/text.hpp"
#include "sip/message.hpp"

namespace sip {
namespace {

constexpr std::size_t kCount = static_cast<std::size_t>(HeaderId::kOther);

// In the order of HeaderId.
constexpr std::array<std::string_view, kCount> kNames = {
    "Accept",
    "Accept-Contact",
    "Allow",
    "Allow-Events",
    "Alert-Info",
    "Authentication-Info",
    "Authorization",
    "Call-ID",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Error-Info",
    "Event",
    "Expires",
    "From",
    "History-Info",
    "In-Reply-To",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "Organization",
    "P-Asserted-Identity",
    "Path",
    "Priority",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Refer-To",
    "Referred-By",
    "Replaces",
    "Reply-To",
    "Require",
    "Retry-After",
    "Route",
    "RSeq",
    "Server",
    "Service-Route",
    "Session-Expires",
    "Subject",
    "Subscription-State",
    "Supported",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "Warning",
    "WWW-Authenticate",
};

// RFC 3261 section 7.3.3 and the registry: accept-contact, content-type, ...
constexpr HeaderId compact(char c) {
  switch (c) {
    case 'a':
      return HeaderId::kAcceptContact;
    case 'b':
      return HeaderId::kReferredBy;
    case 'c':
      return HeaderId::kContentType;
    case 'e':
      return HeaderId::kContentEncoding;
    case 'f':
      return HeaderId::kFrom;
    case 'i':
      return HeaderId::kCallId;
    case 'k':
      return HeaderId::kSupported;
    case 'l':
      return HeaderId::kContentLength;
    case 'm':
      return HeaderId::kContact;
    case 'o':
      return HeaderId::kEvent;
    case 'r':
      return HeaderId::kReferTo;
    case 's':
      return HeaderId::kSubject;
    case 't':
      return HeaderId::kTo;
    case 'u':
      return HeaderId::kAllowEvents;
    case 'v':
      return HeaderId::kVia;
    case 'x':
      return HeaderId::kSessionExpires;
    default:
      return HeaderId::kOther;
  }
}

constexpr std::size_t kSlots = 512;

constexpr std::size_t slot(std::string_view name, std::uint32_t seed) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(name[i] | 0x20); };
  const std::uint32_t key = at(0) | at(name.size() - 1) << 8 | at(name.size() / 2) << 16 |
                            static_cast<std::uint32_t>(name.size()) << 24;
  return (key * seed) >> 23;
}

struct Table {
  std::array<std::uint8_t, kSlots> ids{};
  std::uint32_t seed = 0;
};

consteval Table make_table() {
  Table table;
  for (std::uint32_t seed = 0x9e3779b1;; seed += 0x2c1b3c6e) {
    table.ids.fill(static_cast<std::uint8_t>(kCount));
    table.seed = seed;
    std::size_t placed = 0;
    while (placed < kCount) {
      auto& entry = table.ids[slot(kNames[placed], seed)];
      if (entry != kCount) break;
      entry = static_cast<std::uint8_t>(placed++);
    }
    if (placed == kCount) return table;
  }
}
constexpr Table kTable = make_table();

// In the order of Method.
constexpr std::array<std::string_view, 14> kMethods = {
    "INVITE",    "ACK",    "BYE",     "CANCEL", "OPTIONS", "REGISTER", "PRACK",
    "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO",   "REFER",   "MESSAGE",  "UPDATE",
};

}  // namespace

HeaderId header_from(std::string_view name) {
  if (name.size() < 2) return name.empty() ? HeaderId::kOther : compact(base::to_lower(name[0]));
  const std::uint8_t id = kTable.ids[slot(name, kTable.seed)];
  if (id == kCount || !base::equals_ignoring_case(kNames[id], name)) return HeaderId::kOther;
  return static_cast<HeaderId>(id);
}

std::string_view to_string(HeaderId id) {
  return id == HeaderId::kOther ? std::string_view{} : kNames[static_cast<std::size_t>(id)];
}

Method method_from(std::string_view text) {
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (kMethods[i] == text) return static_cast<Method>(i);
  }
  return Method::kOther;
}

std::string_view to_string(Method method) {
  return method == Method::kOther ? std::string_view{} : kMethods[static_cast<std::size_t>(method)];
}

std::string_view to_string(Transport transport) {
  switch (transport) {
    case Transport::kUdp:
      return "UDP";
    case Transport::kTcp:
      return "TCP";
    case Transport::kTls:
      return "TLS";
    case Transport::kWs:
      return "WS";
    case Transport::kWss:
      return "WSS";
  }
  return "UDP";
}

}  // namespace sip
