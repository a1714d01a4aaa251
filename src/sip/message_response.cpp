// Responses to requests, those that could be parsed and those that could not (RFC 3261 section 8.2.6
// and 18.2.1).
#include <fmt/format.h>

#include <functional>

#include "base/text.hpp"
#include "sip/message.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

constexpr std::size_t kMaxEchoed = 64;  // Via and Record-Route lines in one response

std::string_view without_brackets(std::string_view host) {
  return host.size() > 2 && host.front() == '[' ? host.substr(1, host.size() - 2) : host;
}

// The top Via as the response carries it: received where sent-by isn't where it came from, or rport asks (RFC
// 3581).
std::string stamped(const Via& via, const Source& source) {
  std::string text = fmt::format("SIP/2.0/{} {}", via.transport_text, via.host);
  if (via.port != 0) fmt::format_to(std::back_inserter(text), ":{}", via.port);
  bool rport = false;
  via.params.for_each([&](const Param& param) {
    if (base::equals_ignoring_case(param.name, "received")) return;  // ours to say alone
    if (base::equals_ignoring_case(param.name, "rport")) {
      rport = true;
      return;
    }
    text += ';';
    text += param.name;
    if (param.value) {
      text += '=';
      text += *param.value;
    }
  });
  if (!source.remote.valid()) return text;
  const auto written = base::SocketAddress::parse(without_brackets(via.host), source.remote.port());
  if (rport || !written || !written->same_ip(source.remote)) {
    fmt::format_to(std::back_inserter(text), ";received={}", source.remote.ip());
  }
  if (rport) fmt::format_to(std::back_inserter(text), ";rport={}", source.remote.port());
  return text;
}

// The first line's first element is written stamped; all the others as they are.
class ViaCopier {
 public:
  ViaCopier(Writer& writer, const Source& source) : writer_(writer), source_(source) {}

  // False when the first can't even be read in part.
  bool line(std::string_view value) {
    std::string_view rest = value;
    std::string_view element;
    if (first_) {
      first_ = false;
      if (!scan::next_element(rest, element)) return false;
      if (const auto via = Via::parse(element)) {
        writer_.header(HeaderId::kVia, stamped(*via, source_));
      } else if (base::starts_with_ignoring_case(element, "SIP/")) {
        rest = {};
        writer_.header(HeaderId::kVia, value);
      } else {
        return false;
      }
      value = rest;
    }
    value = scan::trim(value);
    if (!value.empty()) writer_.header(HeaderId::kVia, value);
    return true;
  }

 private:
  Writer& writer_;
  const Source& source_;
  bool first_ = true;
};

void write_to(Writer& writer, std::string_view value, bool has_tag, std::string_view tag) {
  if (has_tag || tag.empty()) {
    writer.header(HeaderId::kTo, value);
    return;
  }
  writer.header(HeaderId::kTo, fmt::format("{};tag={}", value, tag));
}

// Name and value of the header line at the front of `rest`, folds included; false at the head's end.
// Whatever it can't read it leaves out.
bool next_header(std::string_view& rest, Header& header) {
  while (!rest.empty()) {
    std::size_t end = rest.find('\n');
    while (end != std::string_view::npos && end + 1 < rest.size() &&
           (rest[end + 1] == ' ' || rest[end + 1] == '\t')) {
      end = rest.find('\n', end + 1);
    }
    const std::string_view line = scan::trim(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.empty()) return false;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    header.name = scan::trim(line.substr(0, colon));
    header.value = scan::trim(line.substr(colon + 1));
    header.id = header_from(header.name);
    return true;
  }
  return false;
}

}  // namespace

Writer start_response(const Message& request, const Source& source, int status, std::string_view to_tag,
                      std::string_view reason) {
  Writer writer = Writer::response(status, reason);
  ViaCopier vias(writer, source);
  for (const Header& header : request.headers()) {
    if (header.id == HeaderId::kVia) vias.line(header.value);
  }
  if (status > 100 && status < 300) {
    for (const Header& header : request.headers()) {
      if (header.id == HeaderId::kRecordRoute) writer.header(HeaderId::kRecordRoute, header.value);
    }
  }
  writer.header(HeaderId::kFrom, request.value(HeaderId::kFrom));
  write_to(writer, request.value(HeaderId::kTo), request.to().params.has("tag"), to_tag);
  writer.header(HeaderId::kCallId, request.call_id());
  writer.header(HeaderId::kCSeq, request.value(HeaderId::kCSeq));
  if (status == 100) {
    if (const Header* timestamp = request.find(HeaderId::kTimestamp)) {
      writer.header(HeaderId::kTimestamp, timestamp->value);
    }
  }
  return writer;
}

std::optional<std::string> make_failure_response(std::string_view bytes, const Source& source,
                                                 const ParseFailure& failure) {
  if (failure.status == 0) return std::nullopt;
  std::string_view rest = bytes;
  while (rest.starts_with("\r\n")) rest.remove_prefix(2);
  if (base::starts_with_ignoring_case(rest, "SIP/") || rest.starts_with("ACK ")) return std::nullopt;
  const std::size_t line = rest.find('\n');
  if (line == std::string_view::npos) return std::nullopt;
  rest.remove_prefix(line + 1);

  Writer writer = Writer::response(failure.status, failure.reason);
  ViaCopier vias(writer, source);
  std::size_t via_lines = 0;
  std::string_view from, to, call_id, cseq;
  const auto keep_first = [](std::string_view& out, std::string_view value) {
    if (out.empty()) out = value;
  };
  Header header;
  while (next_header(rest, header)) {
    switch (header.id) {
      case HeaderId::kVia:
        if (++via_lines <= kMaxEchoed && !vias.line(header.value)) return std::nullopt;
        break;
      case HeaderId::kFrom:
        keep_first(from, header.value);
        break;
      case HeaderId::kTo:
        keep_first(to, header.value);
        break;
      case HeaderId::kCallId:
        keep_first(call_id, header.value);
        break;
      case HeaderId::kCSeq:
        keep_first(cseq, header.value);
        break;
      default:
        break;
    }
  }
  if (via_lines == 0) return std::nullopt;
  if (!from.empty()) writer.header(HeaderId::kFrom, from);
  if (!to.empty()) {
    // The same tag for every retransmission; none where the address is too broken to carry one.
    const auto parsed = NameAddr::parse(to);
    const std::string tag = fmt::format("{:016x}", std::hash<std::string_view>{}(bytes));
    write_to(writer, to, !parsed || parsed->params.has("tag"), tag);
  }
  if (!call_id.empty()) writer.header(HeaderId::kCallId, call_id);
  if (!cseq.empty()) writer.header(HeaderId::kCSeq, cseq);
  if (!failure.header_value.empty()) writer.header(failure.header, failure.header_value);
  return std::move(writer).finish();
}

}  // namespace sip
