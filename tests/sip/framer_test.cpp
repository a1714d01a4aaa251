#include "sip/framer.hpp"

#include <gtest/gtest.h>

#include "support/sip_text.hpp"

namespace sip {
namespace {

using test::crlf;
using Kind = StreamFramer::Kind;

std::string message(std::string_view body, std::string_view length = "") {
  return crlf("MESSAGE sip:a@b SIP/2.0\nX: y\nContent-Length: ") +
         (length.empty() ? std::to_string(body.size()) : std::string(length)) + "\r\n\r\n" +
         std::string(body);
}

std::string all(StreamFramer& framer) {
  std::string seen;
  for (;;) {
    auto frame = framer.next();
    if (!frame) return seen + "error:" + frame.error().detail;
    if (!*frame) return seen;
    switch ((*frame)->kind) {
      case Kind::kMessage:
        seen += "[" + (*frame)->message + "]";
        break;
      case Kind::kPing:
        seen += "ping ";
        break;
      case Kind::kPong:
        seen += "pong ";
        break;
    }
  }
}

// RFC 3261 18.3
TEST(StreamFramer, CutsMessagesHoweverTheyArrive) {
  const std::string a = message("hello"), b = message(""), c = message("x\r\n\r\ny");
  const std::string stream = a + b + c;
  for (std::size_t step = 1; step <= stream.size(); step += step < 8 ? 1 : 37) {
    StreamFramer framer;
    std::string seen;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      framer.append(std::string_view(stream).substr(at, step));
      seen += all(framer);
    }
    EXPECT_EQ(seen, "[" + a + "][" + b + "][" + c + "]") << step;
    EXPECT_EQ(framer.unread(), "");
  }
}

// RFC 5626 4.4.1
TEST(StreamFramer, TellsPingsFromPongs) {
  StreamFramer framer;
  framer.append("\r\n\r\n");
  EXPECT_EQ(all(framer), "ping ");
  framer.append("\r\n");
  EXPECT_EQ(all(framer), "pong ");
  framer.append(message(""));
  EXPECT_EQ(all(framer), "[" + message("") + "]");
  framer.append("\r\n");
  EXPECT_EQ(all(framer), "pong ");
  framer.append("\r");
  EXPECT_EQ(all(framer), "");
  framer.append("\n");
  EXPECT_EQ(all(framer), "ping ");  // its halves came apart
  framer.append("\r\n\r\n\r\n" + message("z"));
  EXPECT_EQ(all(framer), "ping pong [" + message("z") + "]");
}

TEST(StreamFramer, KnowsContentLengthInAllItsForms) {
  for (const std::string_view line :
       {"l:2", "CONTENT-LENGTH \t: 2", "Content-Length:\r\n 2", "l: 02", "l: 2\r\nl: 2"}) {
    StreamFramer framer;
    const std::string text = "BYE sip:a SIP/2.0\r\n" + std::string(line) + "\r\n\r\nab";
    framer.append(text + "\r\n");
    EXPECT_EQ(all(framer), "[" + text + "]pong ") << line;
  }
}

TEST(StreamFramer, EndsWhatCannotBeFollowed) {
  const auto error = [](std::string_view bytes) {
    StreamFramer framer(StreamFramer::Limits{.head = 1000, .body = 100});
    framer.append(bytes);
    const std::string first = all(framer);
    framer.append(message("later"));
    EXPECT_EQ(all(framer), first);  // for good
    return first;
  };
  EXPECT_EQ(error(crlf("BYE sip:a SIP/2.0\nX: y\n\n")), "error:400 Missing Content-Length");
  EXPECT_EQ(error(message("", "-1")), "error:400 Malformed Content-Length");
  EXPECT_EQ(error(message("", "99999999999999999999999999")), "error:400 Malformed Content-Length");
  EXPECT_EQ(error(message("", "101")), "error:513 Message Too Large");
  EXPECT_EQ(error(message("", "1\r\nl: 2")), "error:400 Conflicting Content-Length");
  EXPECT_EQ(error(std::string(1001, 'x')), "error:513 Message Too Large");
}

TEST(StreamFramer, KeepsTheFaultyMessageForItsAnswer) {
  StreamFramer framer;
  framer.append(message("ok") + "BYE sip:a SIP/2.0\r\n\r\n");
  EXPECT_EQ(all(framer), "[" + message("ok") + "]error:400 Missing Content-Length");
  EXPECT_EQ(framer.unread(), "BYE sip:a SIP/2.0\r\n\r\n");
}

}  // namespace
}  // namespace sip
