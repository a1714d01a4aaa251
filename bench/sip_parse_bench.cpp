// How fast SIP messages are parsed and written: the costs that every request pays.
#include <benchmark/benchmark.h>

#include <string>

#include "base/bytes.hpp"
#include "sip/digest.hpp"
#include "sip/message.hpp"

namespace {

const std::string kHead =
    " sip:conf@127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/WS 4it3bkcoatv4.invalid;branch=z9hG4bK7234284\r\n"
    "Max-Forwards: 69\r\n"
    "To: <sip:conf@127.0.0.1>;tag=as0b43a76d\r\n"
    "From: \"Alice\" <sip:1000@127.0.0.1>;tag=m851qn6g1j\r\n"
    "Call-ID: fj0kildeo3vka71kvbp6\r\n";

std::string message() {
  return "MESSAGE" + kHead +
         "CSeq: 7567 MESSAGE\r\n"
         "Contact: <sip:p4790kr7@4it3bkcoatv4.invalid;transport=ws;ob>\r\n"
         "Content-Type: text/plain;charset=UTF-8\r\n"
         "Supported: outbound\r\n"
         "User-Agent: JsSIP 3.13.5\r\n"
         "Content-Length: 46\r\n\r\n"
         "Hello everybody, this is a message in the room";
}

// A browser's: the SDP is about seven kilobytes, which the parser only carries.
std::string invite() {
  std::string sdp =
      "v=0\r\no=- 1291451873859690679 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n";
  while (sdp.size() < 7000)
    sdp += "a=candidate:3143114838 1 udp 2122194687 192.0.2.1 50374 typ host generation 0 network-id 3\r\n";
  return "INVITE" + kHead +
         "CSeq: 7566 INVITE\r\n"
         "Authorization: Digest algorithm=MD5, username=\"1000\", realm=\"parley\", "
         "nonce=\"1795322244/111f91fe7f40f0da117258bb508957e7\", uri=\"sip:conf@127.0.0.1\", "
         "response=\"554c33cae47148cfdb540be47406ab8b\", opaque=\"69bcca343ffa8385\", qop=auth, "
         "cnonce=\"85h91ff9n15q\", "
         "nc=00000001\r\n"
         "Contact: <sip:p4790kr7@4it3bkcoatv4.invalid;transport=ws;ob>\r\n"
         "Content-Type: application/sdp\r\n"
         "Session-Expires: 90\r\n"
         "Allow: INVITE,ACK,CANCEL,BYE,UPDATE,MESSAGE,OPTIONS,REFER,INFO,NOTIFY,SUBSCRIBE\r\n"
         "Supported: timer,ice,replaces,outbound\r\n"
         "User-Agent: JsSIP 3.13.5\r\n"
         "Content-Length: " +
         std::to_string(sdp.size()) + "\r\n\r\n" + sdp;
}

sip::Source source() {
  return {.transport = sip::Transport::kWs,
          .remote = *base::SocketAddress::parse("192.0.2.10", 40000),
          .local = {}};
}

std::string response() {
  const auto request = sip::Message::parse(base::share(message()));
  return sip::start_response(**request, source(), 200, "tag").finish();
}

void parse(benchmark::State& state, const std::string& text) {
  const auto bytes = base::share(text);
  if (!sip::Message::parse(bytes)) state.SkipWithError("not a message");
  for (auto _ : state) benchmark::DoNotOptimize(sip::Message::parse(bytes));
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK_CAPTURE(parse, message, message());
BENCHMARK_CAPTURE(parse, invite, invite());
BENCHMARK_CAPTURE(parse, response, response());

void write_response(benchmark::State& state) {
  const auto request = *sip::Message::parse(base::share(message()));
  const auto from = source();
  for (auto _ : state) benchmark::DoNotOptimize(sip::start_response(*request, from, 202, "tag").finish());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(write_response);

void write_request(benchmark::State& state) {
  for (auto _ : state) {
    auto writer = sip::Writer::request("MESSAGE", "sip:p4790kr7@4it3bkcoatv4.invalid;transport=ws;ob");
    writer.header(sip::HeaderId::kVia, "SIP/2.0/WS 127.0.0.1;branch=z9hG4bK7234284")
        .header(sip::HeaderId::kMaxForwards, 70U)
        .header(sip::HeaderId::kTo, "<sip:1000@127.0.0.1>;tag=m851qn6g1j")
        .header(sip::HeaderId::kFrom, "\"Bob\" <sip:conf@127.0.0.1>;tag=as0b43a76d")
        .header(sip::HeaderId::kCallId, "fj0kildeo3vka71kvbp6")
        .header(sip::HeaderId::kCSeq, "17 MESSAGE");
    benchmark::DoNotOptimize(std::move(writer).finish_head("text/plain;charset=UTF-8", 46));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(write_request);

void verify_digest(benchmark::State& state) {
  const auto now = base::TimePoint(std::chrono::seconds(1));
  sip::NonceSource nonces;
  const auto algorithm = static_cast<sip::DigestAlgorithm>(state.range(0));
  const auto account = sip::StoredHashes::make("1000", "parley", "secret");
  const auto challenges = sip::make_challenges("parley", nonces.make("parley", now), false);
  const auto challenge = *sip::parse_challenge(challenges.at(static_cast<std::size_t>(algorithm)));
  const std::string answer =
      sip::answer_challenge(challenge, {"1000", "wrong"}, "INVITE", "sip:a@b", 1, "cnonce");
  for (auto _ : state) {
    const auto credentials = *sip::parse_authorization(answer);
    benchmark::DoNotOptimize(sip::verify(nonces, credentials,
                                         {.method = "INVITE", .request_uri = "sip:a@b", .realm = "parley"},
                                         &account, now));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(verify_digest)->DenseRange(0, 2);

}  // namespace

BENCHMARK_MAIN();
