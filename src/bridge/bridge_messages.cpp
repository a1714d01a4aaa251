// The messages of a bridge: numbering, history, copies, reports.
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "bridge/bridge.hpp"

namespace bridge {
namespace {

constexpr std::size_t kMaxUnnumbered = 1000;
constexpr std::size_t kMaxReports = 1000;
constexpr std::string_view kReportType = "application/vnd.parley.delivery+json";

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

const sip::Reply kNotStored{.status = 503, .reason = "History Can't Be Written", .headers = {{"Retry-After", "2"}}};

}  // namespace

std::string Bridge::message_id(std::uint64_t sequence) const { return fmt::format("{}-{}", message_prefix_, sequence); }

Leg* Bridge::find_participant(std::string_view participant) const {
  const auto found = std::find_if(legs_.begin(), legs_.end(), [&](const Leg* leg) { return !leg->hidden() && leg->party().participant == participant; });
  return found == legs_.end() ? nullptr : *found;
}

// Numbers go on where an earlier life of this room stopped.
void Bridge::learn_numbering() {
  if (!config_.history) return;
  numbering_known_ = false;
  const auto learnt = [this](std::uint64_t last) {
    numbering_known_ = true;
    sequence_ = std::max(sequence_, last);
    for (auto waiting = std::exchange(unnumbered_, {}); auto& outgoing : waiting) number(std::move(outgoing));
  };
  const auto asked = config_.history->highest_sequence(config_.conversation, [weak = std::weak_ptr(alive_), this, learnt](base::Result<std::uint64_t> last) {
    if (weak.expired()) return;
    // Without an answer every message would be refused by its number; the wall clock is above all numbers ever given.
    learnt(last ? *last : static_cast<std::uint64_t>(environment_.timeline.wall().time_since_epoch() / std::chrono::milliseconds(1)));
  });
  if (!asked) learnt(static_cast<std::uint64_t>(environment_.timeline.wall().time_since_epoch() / std::chrono::milliseconds(1)));
}

void Bridge::relay(Leg& from, sip::RequestId id, const sip::MessagePtr& message) {
  submit({.sequence = 0, .from = from.id(), .sender = from.party(), .message = message, .private_to = std::string(message->value("Parley-To")),
          .answer = [this, leg = from.id(), id, message](const sip::Reply& reply) {
            const auto found = environment_.legs.find(leg);
            if (found == environment_.legs.end()) return;
            if (reply.status == 202) found->second->note_taken(message->value("Parley-Client-Message"));
            if (!found->second->ended()) found->second->session().respond(id, reply);
          }});
}

void Bridge::relay_kept(Leg& from, const sip::MessagePtr& message, base::WallTime time) {
  submit({.sequence = 0, .from = from.id(), .sender = from.party(), .message = message, .private_to = {}, .answer = [](const sip::Reply&) {}, .time = time});
}

void Bridge::relay_from_outside(const Party& from, const sip::MessagePtr& message, std::function<void(const sip::Reply&)> answer) {
  submit({.sequence = 0, .from = {}, .sender = from, .message = message, .private_to = std::string(message->value("Parley-To")), .answer = std::move(answer)});
}

void Bridge::submit(Outgoing outgoing) {
  if (!outgoing.private_to.empty() && !find_participant(outgoing.private_to)) return outgoing.answer({.status = 404, .reason = "No Such Participant"});
  if (numbering_known_) return number(std::move(outgoing));
  if (unnumbered_.size() >= kMaxUnnumbered) return outgoing.answer(kNotStored);
  unnumbered_.push_back(std::move(outgoing));
}

void Bridge::number(Outgoing outgoing) {
  outgoing.sequence = ++sequence_;
  if (!config_.history) return deliver(outgoing);
  keep(std::make_shared<Outgoing>(std::move(outgoing)));
}

// Durable before its 202 (survival item 25). The store answers in order, and so copies and answers go out in order.
void Bridge::keep(std::shared_ptr<Outgoing> outgoing) {
  const auto& message = *outgoing->message;
  auto nickname = base::clean_display_name(message.from().display());
  if (nickname.empty()) nickname = outgoing->sender.display_name;
  store::StoredMessage record{.conversation = config_.conversation, .sequence = outgoing->sequence, .message_id = message_id(outgoing->sequence),
                              .time = environment_.timeline.wall(), .sender = {outgoing->sender.participant, outgoing->sender.account},
                              .display_name = std::move(nickname), .content_type = std::string(message.content_type()),
                              .body = base::share(std::string(message.body())), .private_to = std::nullopt};
  if (const auto* to = find_participant(outgoing->private_to)) record.private_to = store::Party{to->party().participant, to->party().account};
  const auto queued = config_.history->append(std::move(record), [weak = std::weak_ptr(alive_), this, outgoing](base::Result<void> kept) {
    if (weak.expired()) return;
    kept ? deliver(*outgoing) : outgoing->answer(kNotStored);
  });
  if (!queued) outgoing->answer(queued.error().code == base::ErrorCode::kTooLarge ? sip::Reply{.status = 413} : kNotStored);
}

void Bridge::deliver(const Outgoing& outgoing) {
  const auto& message = *outgoing.message;
  const auto id = message_id(outgoing.sequence);
  auto headers = fmt::format("Parley-Sequence: {}\r\nParley-Message-ID: {}\r\nParley-Participant: {}\r\nDate: {}\r\n", outgoing.sequence, id,
                             outgoing.sender.participant, rfc1123_date(outgoing.time.value_or(environment_.timeline.wall())));
  if (!outgoing.private_to.empty()) headers += fmt::format("Parley-To: {}\r\n", outgoing.private_to);
  // The nickname that the app set in From, else the name that the participant joined with (spec A.2).
  auto nickname = base::clean_display_name(message.from().display());
  if (nickname.empty()) nickname = outgoing.sender.display_name;
  const auto to_display = base::clean_display_name(message.to().display());
  const bool reported = outgoing.from && base::equals_ignoring_case(message.value("Parley-Report"), "delivered") && reports_.size() < kMaxReports;
  const auto type_token = token_of(message.content_type());
  const sip::MessageCopy copy{.from_display = nickname,
                              .to_display = to_display,
                              .content_type = message.content_type(),
                              .headers = headers,
                              // One copy of the body for all legs; the received message would keep its head alive too.
                              .body = base::share(std::string(message.body())),
                              .utf8 = base::valid_utf8(message.body()),
                              .token = reported ? key() << kKeyShift | kReportToken | outgoing.sequence : type_token};
  // One is held back until all are on their way: a copy that is skipped is told from within send_message().
  if (reported) reports_[outgoing.sequence] = {.sender = outgoing.from, .message_id = id, .content_type = std::string(message.content_type()), .waiting = 1,
                                               .delivered = {}, .failed = {}};
  const auto legs = legs_;   // one that ends by it changes the list
  for (Leg* leg : legs) {
    const bool meant = outgoing.private_to.empty() ? leg->id() != outgoing.from : leg->party().participant == outgoing.private_to;
    if (!meant || leg->ended() || !leg->wants_text() || !leg->takes(message.content_type())) continue;
    if (leg->hidden()) {
      auto unseen = copy;
      unseen.token = type_token;
      leg->session().send_message(unseen);
      continue;
    }
    if (reported) ++reports_[outgoing.sequence].waiting;
    leg->session().send_message(copy);
  }
  outgoing.answer({.status = 202, .headers = {{"Parley-Sequence", std::to_string(outgoing.sequence)}, {"Parley-Message-ID", id}}});
  if (reported && --reports_[outgoing.sequence].waiting == 0) finish_report(outgoing.sequence);
  if (config_.on_relayed) {
    config_.on_relayed({.sequence = outgoing.sequence, .id = id, .display_name = nickname, .content_type = message.content_type(), .body = message.body(),
                        .from = outgoing.sender, .private_to = outgoing.private_to});
  }
}

void Bridge::on_message_done(Leg& leg, std::uint64_t token, int status) {
  if (const auto whose = token >> kKeyShift; whose != key()) {
    const auto other = environment_.bridges.find(whose);
    if (other != environment_.bridges.end()) other->second->on_message_done(leg, token, status);
    return;
  }
  token &= (std::uint64_t{1} << kKeyShift) - 1;
  // Spec A.2: each of the three is remembered for the type that was sent, not for every MESSAGE.
  const bool refused = status == 405 || status == 415 || status == 501;
  if (token >= kReportToken) {
    const auto report = reports_.find(token - kReportToken);
    if (report == reports_.end()) return;
    note_delivery(report->second, leg, status);
    if (refused) leg.refuses(report->second.content_type);
    if (--report->second.waiting == 0) finish_report(report->first);
  } else if (token >= 1 && token <= types_.size()) {
    if (refused) leg.refuses(types_[token - 1]);
  }
}

void Bridge::note_delivery(Report& report, const Leg& leg, int status) {
  if (status >= 200 && status < 300) {
    report.delivered.push_back(leg.party().participant);
  } else {
    report.failed.emplace_back(leg.party().participant, status);
  }
}

void Bridge::finish_report(std::uint64_t sequence) {
  const auto node = reports_.extract(sequence);
  const auto& report = node.mapped();
  const auto found = environment_.legs.find(report.sender);
  if (found == environment_.legs.end() || found->second->ended()) return;
  nlohmann::ordered_json json{{"messageId", report.message_id}, {"sequence", sequence}, {"delivered", report.delivered}};
  auto& failed = json["failed"] = nlohmann::ordered_json::array();
  for (const auto& [participant, status] : report.failed) failed.push_back({{"participant", participant}, {"status", status}});
  notify(*found->second, {.from_display = {}, .content_type = kReportType, .body = base::share(json.dump())});
}

void Bridge::replay(Leg& to, std::size_t count) {
  if (!config_.history || count == 0) return;
  const auto leg = to.id();
  const auto asked = config_.history->last(config_.conversation, count, {to.party().participant, to.party().account},
                                           [weak = std::weak_ptr(alive_), this, leg](base::Result<store::HistoryPage> page) {
    if (weak.expired() || !page) return;
    const auto found = environment_.legs.find(leg);
    if (found == environment_.legs.end() || found->second->ended()) return;
    for (const auto& m : page->messages) {
      const auto headers = fmt::format("Parley-Sequence: {}\r\nParley-Message-ID: {}\r\nParley-Participant: {}\r\nParley-History: replayed\r\nDate: {}\r\n",
                                       m.sequence, m.message_id, m.sender.participant, rfc1123_date(m.time));
      found->second->session().send_message({.from_display = m.display_name, .to_display = {}, .content_type = m.content_type, .headers = headers,
                                             .body = m.body ? m.body : base::share({}), .utf8 = !m.body || base::valid_utf8(*m.body)});
    }
  });
  static_cast<void>(asked);   // a store that is too busy: the joiner gets no old messages, and may read them by the API
}

}  // namespace bridge
