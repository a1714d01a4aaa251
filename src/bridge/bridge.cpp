#include "bridge/bridge.hpp"

#include <fmt/format.h>

#include <ctime>
#include <map>

#include "base/random.hpp"
#include "base/text.hpp"

namespace bridge {
namespace {

constexpr std::size_t kMaxRememberedTypes = 64;
constexpr std::string_view kNoticeType = "application/vnd.parley.notice+json";

// Date of RFC 3261 section 20.17.
std::string rfc1123_date(base::WallTime time) {
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                     kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace

Bridge::Bridge(LegEnvironment& environment, BridgeConfig config)
    : environment_(environment), config_(config), id_(environment.media.create_bridge(config.mix)), message_prefix_(base::random_token(10)) {}

Bridge::~Bridge() {
  environment_.timeline.cancel(video_timer_);
  environment_.media.remove_bridge(id_);
}

void Bridge::add(Leg& leg) {
  legs_.push_back(&leg);
  leg.join();
  if (config_.video) video_changed();
}

void Bridge::remove(Leg& leg) {
  if (std::erase(legs_, &leg) != 0 && config_.video) video_changed();
}

void Bridge::video_changed() {
  if (video_timer_ != 0) return;
  video_timer_ = environment_.timeline.after(config_.video_merge, [this](base::TimePoint) {
    video_timer_ = 0;
    update_video();
  });
}

void Bridge::update_video() {
  std::vector<std::pair<const Leg*, sdp::RemoteSource>> all;
  for (const Leg* leg : legs_) {
    for (const auto& source : leg->sources()) {
      all.emplace_back(leg, sdp::RemoteSource{.source_id = source.id.value, .label = leg->party().participant, .stream_id = source.stream_id,
                                              .track_id = source.track_id, .codec = source.codec, .fmtp = source.fmtp,
                                              .content = source.kind == PublishedSource::Kind::kScreen ? "slides" : "main"});
    }
  }
  std::vector<sdp::RemoteSource> others;
  for (Leg* leg : legs_) {
    others.clear();
    for (const auto& [publisher, source] : all) {
      const bool room = config_.max_video_streams == 0 || others.size() < config_.max_video_streams;
      if (publisher != leg && room) others.push_back(source);
    }
    leg->watch(others);
    for (const auto& [source_id, reason] : leg->undelivered()) {
      if (!leg->told_unavailable(source_id)) tell_unavailable(*leg, others, source_id, reason);
    }
  }
}

void Bridge::tell_unavailable(Leg& leg, const std::vector<sdp::RemoteSource>& sources, std::uint64_t source_id, std::string_view reason) {
  // Opt-in like the events: an old page ends its call on a MESSAGE that it does not expect.
  if (!leg.wants_events()) return;
  const auto source = std::find_if(sources.begin(), sources.end(), [&](const auto& s) { return s.source_id == source_id; });
  if (source == sources.end()) return;
  notify(leg, {.from_display = {}, .content_type = kNoticeType,
               .body = base::share(fmt::format(R"({{"type":"video-unavailable","participant":"{}","kind":"{}","reason":"{}"}})", source->label,
                                               source->content == "slides" ? "screen" : "camera", reason))});
}

std::uint64_t Bridge::token_of(std::string_view content_type) {
  for (std::size_t i = 0; i < types_.size(); ++i) {
    if (types_[i] == content_type) return i + 1;
  }
  if (types_.size() == kMaxRememberedTypes) return 0;
  types_.emplace_back(content_type);
  return types_.size();
}

void Bridge::relay(Leg& from, sip::RequestId id, const sip::Message& message) {
  const auto sequence = ++sequence_;
  const auto headers = fmt::format("Parley-Sequence: {0}\r\nParley-Message-ID: {1}-{0}\r\nParley-Participant: {2}\r\nDate: {3}\r\n", sequence,
                                   message_prefix_, from.party().participant, rfc1123_date(environment_.timeline.wall()));
  // The nickname that the app set in From, else the name that the participant joined with (spec A.2).
  auto nickname = base::clean_display_name(message.from().display());
  if (nickname.empty()) nickname = from.party().display_name;
  const auto to_display = base::clean_display_name(message.to().display());
  const sip::MessageCopy copy{.from_display = nickname,
                              .to_display = to_display,
                              .content_type = message.content_type(),
                              .headers = headers,
                              // One copy of the body for all legs; the received message would keep its head alive too.
                              .body = base::share(std::string(message.body())),
                              .utf8 = base::valid_utf8(message.body()),
                              .token = token_of(message.content_type())};
  for (Leg* leg : legs_) {
    if (leg != &from && !leg->ended() && leg->wants_text() && leg->takes(message.content_type())) leg->session().send_message(copy);
  }
  from.session().respond(id, {.status = 202, .headers = {{"Parley-Sequence", std::to_string(sequence)},
                                                          {"Parley-Message-ID", fmt::format("{}-{}", message_prefix_, sequence)}}});
}

void Bridge::notify(Leg& to, const Notice& notice) {
  if (to.ended() || !to.takes(notice.content_type)) return;
  to.session().send_message({.from_display = notice.from_display, .content_type = notice.content_type, .body = notice.body,
                             .token = token_of(notice.content_type)});
}

void Bridge::on_message_done(Leg& leg, std::uint64_t token, int status) {
  if (status == 405 || status == 501) leg.refuses({});
  if (status == 415 && token >= 1 && token <= types_.size()) leg.refuses(types_[token - 1]);
}

}  // namespace bridge
