#include "net/websocket_codec.hpp"

#include <gtest/gtest.h>

#include "support/socket_client.hpp"

namespace {

using Client = support::SocketClient;

TEST(WebSocketDecoder, TakesFramesInAnyPieces) {
  const std::string stream = Client::frame(1, "hello") + Client::frame(2, std::string(70'000, 'b')) + Client::frame(1, std::string(300, 'c'));
  for (const std::size_t piece : {1u, 7u, 1000u, 1'000'000u}) {
    net::WebSocketDecoder decoder(100'000);
    std::vector<std::size_t> sizes;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      std::string_view bytes = std::string_view(stream).substr(at, piece);
      net::WebSocketDecoder::Message message;
      for (;;) {
        const auto whole = decoder.next(bytes, message);
        ASSERT_TRUE(whole);
        if (!*whole) break;
        sizes.push_back(message.payload.size());
      }
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{5, 70'000, 300}));
  }
}

// RFC 6455 5.4: control frames come between fragments.
TEST(WebSocketDecoder, JoinsFragmentsAroundAPing) {
  const std::string stream = Client::frame(1, "one ", false) + Client::frame(9, "?") + Client::frame(0, "two", true);
  net::WebSocketDecoder decoder(100);
  std::string_view bytes = stream;
  net::WebSocketDecoder::Message message;
  ASSERT_TRUE(*decoder.next(bytes, message));
  EXPECT_EQ(message.opcode, net::WsOpcode::kPing);
  ASSERT_TRUE(*decoder.next(bytes, message));
  EXPECT_EQ(message.payload, "one two");
  EXPECT_EQ(message.opcode, net::WsOpcode::kText);
}

std::uint16_t refused(const std::string& stream, std::size_t limit = 1000) {
  net::WebSocketDecoder decoder(limit);
  std::string_view bytes = stream;
  net::WebSocketDecoder::Message message;
  for (;;) {
    const auto whole = decoder.next(bytes, message);
    if (!whole) return decoder.close_code();
    if (!*whole) return 0;
  }
}

TEST(WebSocketDecoder, RefusesWhatTheRfcForbids) {
  using namespace std::string_literals;
  EXPECT_EQ(refused("\x81\x05hello"s), net::ws_close::kProtocolError);                      // RFC 6455 5.1: not masked
  EXPECT_EQ(refused("\xc1\x80\0\0\0\0"s), net::ws_close::kProtocolError);                   // RFC 6455 5.2: reserved bit
  EXPECT_EQ(refused(Client::frame(3, "x")), net::ws_close::kProtocolError);                 // RFC 6455 5.2: opcode
  EXPECT_EQ(refused(Client::frame(0, "x")), net::ws_close::kProtocolError);                 // RFC 6455 5.4: nothing to continue
  EXPECT_EQ(refused(Client::frame(1, "x", false) + Client::frame(1, "y")), net::ws_close::kProtocolError);
  EXPECT_EQ(refused(Client::frame(9, "x", false)), net::ws_close::kProtocolError);          // RFC 6455 5.5: fragmented ping
  EXPECT_EQ(refused(Client::frame(9, std::string(126, 'x'))), net::ws_close::kProtocolError);
  EXPECT_EQ(refused(Client::frame(1, "\xff")), net::ws_close::kInvalidData);                // RFC 6455 8.1
  EXPECT_EQ(refused(Client::frame(2, "\xff")), 0);
}

TEST(WebSocketDecoder, RefusesATooBigMessageByItsHeadersAlone) {
  EXPECT_EQ(refused(std::string("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10) + "mask", 1000), net::ws_close::kTooBig);
  EXPECT_EQ(refused(std::string("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10) + "mask", 1000), net::ws_close::kTooBig);
  EXPECT_EQ(refused(Client::frame(1, std::string(600, 'a'), false) + Client::frame(0, std::string(600, 'a')), 1000), net::ws_close::kTooBig);
}

// RFC 6455 1.3: the example's key and its answer.
TEST(WebSocketCodec, AnswersTheKey) {
  EXPECT_EQ(net::websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(net::websocket_accept("short"), "");
}

}  // namespace
