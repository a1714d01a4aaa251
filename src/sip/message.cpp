// What is asked of a parsed message.
#include "sip/message.hpp"

#include "base/text.hpp"
#include "sip/scan.hpp"

namespace sip {

const Header* Message::find(HeaderId id) const {
  for (const Header& header : headers_) {
    if (header.id == id) return &header;
  }
  return nullptr;
}

const Header* Message::find(std::string_view name) const {
  if (const HeaderId id = header_from(name); id != HeaderId::kOther) return find(id);
  for (const Header& header : headers_) {
    if (header.id == HeaderId::kOther && base::equals_ignoring_case(header.name, name)) return &header;
  }
  return nullptr;
}

std::string_view Message::value(HeaderId id) const {
  const Header* header = find(id);
  return header ? header->value : std::string_view{};
}

std::string_view Message::value(std::string_view name) const {
  const Header* header = find(name);
  return header ? header->value : std::string_view{};
}

std::vector<std::string_view> Message::values(HeaderId id) const {
  std::vector<std::string_view> result;
  for (const Header& header : headers_) {
    if (header.id != id) continue;
    std::string_view rest = header.value;
    std::string_view element;
    while (scan::next_element(rest, element)) result.push_back(element);
  }
  return result;
}

bool Message::lists(HeaderId id, std::string_view token) const {
  for (const Header& header : headers_) {
    if (header.id != id) continue;
    std::string_view rest = header.value;
    std::string_view element;
    while (scan::next_element(rest, element)) {
      if (base::equals_ignoring_case(base::trim(element.substr(0, element.find(';'))), token)) return true;
    }
  }
  return false;
}

base::Result<NameAddr> Message::contact() const {
  for (const Header& header : headers_) {
    if (header.id != HeaderId::kContact) continue;
    std::string_view rest = header.value;
    std::string_view element;
    if (scan::next_element(rest, element)) return NameAddr::parse(element);
  }
  return base::fail(base::ErrorCode::kNotFound, "no Contact");
}

std::string Message::media_type() const {
  std::string result;
  for (const char c : content_type()) {
    if (c == ';') break;
    if (!scan::is_space(c)) result += base::to_lower(c);
  }
  return result;
}

base::Result<Via> Via::parse(std::string_view text) {
  Via via;
  std::size_t at = 0;
  const auto part = [&](std::string_view expected) {
    at = scan::skip_space(text, at);
    const std::size_t begin = at;
    at = scan::skip(text, at, scan::kToken);
    const std::string_view found = text.substr(begin, at - begin);
    const bool right = expected.empty() ? !found.empty() : base::equals_ignoring_case(found, expected);
    return right ? found : std::string_view{};
  };
  const auto slash = [&] {
    at = scan::skip_space(text, at);
    return at < text.size() && text[at++] == '/';
  };
  if (part("SIP").empty() || !slash() || part("2.0").empty() || !slash())
    return base::malformed("wrong protocol");
  via.transport_text = part({});
  if (via.transport_text.empty() || at >= text.size() || !scan::is_space(text[at])) {
    return base::malformed("wrong transport");
  }
  via.known_transport = false;
  for (const Transport t :
       {Transport::kUdp, Transport::kTcp, Transport::kTls, Transport::kWs, Transport::kWss}) {
    if (!base::equals_ignoring_case(via.transport_text, to_string(t))) continue;
    via.transport = t;
    via.known_transport = true;
  }
  at = scan::skip_space(text, at);
  const std::size_t end = scan::skip_host(text, at);
  if (end == std::string_view::npos) return base::malformed("wrong sent-by");
  via.host = text.substr(at, end - at);
  at = scan::skip_space(text, end);
  if (at < text.size() && text[at] == ':') {
    at = scan::skip_space(text, at + 1);
    const std::size_t begin = at;
    while (at < text.size() && scan::is_digit(text[at])) ++at;
    via.port = scan::parse_port(text.substr(begin, at - begin));
    if (via.port == 0) return base::malformed("wrong port");
  }
  const std::string_view params = scan::trim(text.substr(at));
  if (!scan::valid_header_params(params)) return base::malformed("wrong parameters");
  via.params = Params(params);
  return via;
}

}  // namespace sip
