// What pages of strangers ask by HTTP: JSON, paths, queries, tokens. Each is refused with a reason, or put to the PBX, once.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/webphone_api.hpp"
#include "pbx/tokens.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void ask(std::string method, std::string path, std::string query, std::string body, std::string origin) {
  int asked = 0, answered = 0;
  const api::WebphoneApi api([&](std::function<void(pbx::Pbx&)>) { ++asked; }, "parley", "/ws");
  net::HttpRequest request{.method = std::move(method), .target = path, .path = path, .query = std::move(query),
                           .headers = {{"Host", "pbx.example"}, {"Origin", std::move(origin)}, {"Authorization", "Bearer " + body}}, .body = std::move(body),
                           .remote = *base::SocketAddress::parse("192.0.2.9", 4000), .local = *base::SocketAddress::parse("192.0.2.1", 443)};
  api.handle(request, [&](net::HttpResponse response) {
    ++answered;
    if (response.status == 204) return;
    require(response.status >= 400 && response.status < 500 && response.body);
    const auto json = nlohmann::json::parse(*response.body, nullptr, false);
    require(json.is_object() && json["status"] == response.status && !json["detail"].get<std::string>().empty());
  });
  require(asked + answered == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  ask("POST", "/api/webphone/connect", {}, text, "https://shop.example");
  for (const auto* action : {"hold", "forward", "blindTransfer", "sendDtmf", "startListen"}) {
    ask("POST", "/api/webphone/sessions/1234/" + std::string(action), {}, text, {});
  }
  ask("GET", "/api/webphone/history", text, {}, {});
  ask("GET", "/api/webphone/" + text, {}, {}, {});
  static const auto keys = *pbx::TokenKeys::make(std::string(40, 'k'), {});
  const auto claims = keys.verify(text, base::WallTime(std::chrono::hours(500'000)));
  require(!claims.has_value() && !claims.error().detail.empty());   // nobody guesses a signature
  return 0;
}
