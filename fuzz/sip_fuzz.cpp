// SIP: messages as datagrams and as a stream, and what is parsed out of their headers.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "sip/digest.hpp"
#include "sip/framer.hpp"
#include "sip/message.hpp"
#include "sip/request_check.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void look_at(const sip::Message& message, const sip::Source& source) {
  for (const auto& header : message.headers()) {
    require(message.find(header.name) != nullptr);
    for (const auto text : message.values(header.id)) {
      if (const auto address = sip::NameAddr::parse(text)) {
        require(sip::equivalent(address->uri, address->uri));
        require(address->display().size() <= text.size());
        address->params.for_each([](const sip::Param&) {});
      }
      if (const auto via = sip::Via::parse(text)) require(!via->host.empty());
    }
    if (const auto credentials = sip::parse_authorization(header.value)) require(!credentials->nonce.empty());
    if (const auto challenge = sip::parse_challenge(header.value)) require(!challenge->nonce.empty());
  }
  (void)message.contact();
  (void)message.media_type();
  if (!message.is_request()) return;
  (void)sip::check_request(message);
  // What we say to it can be read, and says the same.
  const auto response =
      sip::Message::parse(base::share(sip::start_response(message, source, 200, "tag").finish()));
  require(response.has_value());
  require((*response)->status() == 200 && (*response)->call_id() == message.call_id());
  require((*response)->cseq().number == message.cseq().number && (*response)->body().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  static const sip::Source source{.transport = sip::Transport::kUdp,
                                  .remote = *base::SocketAddress::parse("192.0.2.10", 5060),
                                  .local = *base::SocketAddress::parse("192.0.2.1", 5060)};
  sip::ParseFailure failure;
  if (const auto message = sip::Message::parse(base::share(bytes), &failure)) {
    look_at(**message, source);
  } else {
    (void)sip::make_failure_response(bytes, source, failure);
  }

  // However a stream is cut, the same frames come of it.
  sip::StreamFramer whole, pieces;
  std::string from_whole, from_pieces;
  const auto drain = [](sip::StreamFramer& framer, std::string& out) {
    for (auto frame = framer.next(); frame && *frame; frame = framer.next()) {
      if ((*frame)->kind == sip::StreamFramer::Kind::kMessage) out += (*frame)->message + '|';
    }
  };
  whole.append(bytes);
  drain(whole, from_whole);
  const std::size_t step = size == 0 ? 1 : 1 + data[0] % 64;
  for (std::size_t at = 0; at < size; at += step) {
    pieces.append(std::string_view(bytes).substr(at, step));
    drain(pieces, from_pieces);
  }
  require(from_whole == from_pieces);
  return 0;
}
