#include "net/http_parser.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/text.hpp"

namespace net {

namespace http = boost::beast::http;

struct HttpRequestParser::Impl {
  http::request_parser<http::string_body> parser;
  HttpRequest request;
  bool header_taken = false;
  bool failed = false;
  int status = 400;
};

namespace {

std::string_view to_std(boost::beast::string_view text) { return {text.data(), text.size()}; }

int status_of(const boost::beast::error_code& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::bad_version) return 505;
  return 400;
}

// False: the target is nothing that is served here.
bool split_target(HttpRequest& request) {
  std::string_view target = request.target;
  if (target == "*") return request.method == "OPTIONS";
  if (!target.starts_with('/')) {
    // absolute-form (RFC 9112 section 3.2.2): the Host header still decides
    const auto scheme = target.find("://");
    if (scheme == target.npos) return false;
    const auto slash = target.find('/', scheme + 3);
    target = slash == target.npos ? "/" : target.substr(slash);
  }
  target = target.substr(0, target.find('#'));
  const auto question = std::min(target.find('?'), target.size());
  auto path = percent_decode(target.substr(0, question));
  if (!path) return false;
  request.path = std::move(*path);
  request.query = std::string(target.substr(std::min(question + 1, target.size())));
  return true;
}

}  // namespace

HttpRequestParser::HttpRequestParser(std::size_t header_limit) : impl_(std::make_unique<Impl>()) {
  impl_->parser.header_limit(static_cast<std::uint32_t>(header_limit));
  impl_->parser.body_limit(boost::none);   // decided when the header is known
  impl_->parser.eager(false);
}

HttpRequestParser::~HttpRequestParser() = default;

HttpRequestParser::State HttpRequestParser::feed(std::string_view bytes, std::size_t& used) {
  used = 0;
  while (!impl_->failed) {
    if (impl_->parser.is_done()) return State::kDone;
    if (used == bytes.size()) return impl_->header_taken ? State::kBody : State::kHeader;
    boost::beast::error_code error;
    const auto taken = impl_->parser.put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
    used += taken;
    if (error == http::error::need_more) return impl_->header_taken ? State::kBody : State::kHeader;
    if (error) {
      impl_->failed = true;
      impl_->status = status_of(error);
      break;
    }
    if (impl_->parser.is_header_done() && !impl_->header_taken) {
      impl_->header_taken = true;
      const auto& message = impl_->parser.get();
      auto& request = impl_->request;
      request.method = std::string(to_std(message.method_string()));
      request.target = std::string(to_std(message.target()));
      request.http10 = message.version() < 11;
      for (const auto& field : message) request.headers.emplace_back(to_std(field.name_string()), to_std(field.value()));
      if (!split_target(request)) {
        impl_->failed = true;
        break;
      }
      impl_->parser.eager(true);
      return State::kBody;
    }
    if (taken == 0 && !impl_->parser.is_done()) return impl_->header_taken ? State::kBody : State::kHeader;
  }
  return State::kFailed;
}

bool HttpRequestParser::set_body_limit(std::size_t limit) {
  const auto length = impl_->parser.content_length();
  if (length && *length > limit) {
    impl_->failed = true;
    impl_->status = 413;
    return false;
  }
  impl_->parser.body_limit(static_cast<std::uint64_t>(limit));
  return true;
}

const HttpRequest& HttpRequestParser::header() const { return impl_->request; }

bool HttpRequestParser::expects_continue() const {
  return !impl_->request.http10 && !impl_->parser.is_done() &&
         base::equals_ignoring_case(impl_->request.header("Expect"), "100-continue");
}

bool HttpRequestParser::keep_alive() const { return !impl_->failed && impl_->parser.get().keep_alive(); }

HttpRequest HttpRequestParser::take() {
  impl_->request.body = std::move(impl_->parser.get().body());
  return std::move(impl_->request);
}

int HttpRequestParser::status() const { return impl_->status; }

}  // namespace net
