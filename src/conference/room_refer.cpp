// REFER from a participant (RFC 4579 sections 5.5, 5.6, 5.11): the room calls somebody in, or lets somebody go.
#include "base/text.hpp"
#include "conference/room.hpp"

namespace conference {
namespace {

constexpr std::size_t kMaxReferrals = 8;              // of one participant, that are under way or still being told
constexpr std::chrono::seconds kLastWord{2};          // for the NOTIFY of one's own removal to be answered

// "" : not a number of ours.
std::string number_of(std::string_view uri_text) {
  const auto uri = sip::Uri::parse(uri_text);
  return uri && uri->is_sip() ? sip::unescape(uri->user) : std::string();
}

}  // namespace

void Room::on_leg_request(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) {
  if (request->method() == sip::Method::kRefer) return refer(leg, id, request);
  if (request->method() == sip::Method::kSubscribe) {
    for (const auto& referral : referrals_) {
      if (referral->leg == &leg && referral->notifier->on_subscribe(id, *request)) return;
    }
  }
  LegOwner::on_leg_request(leg, id, request);
}

void Room::refer(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) {
  const auto refuse = [&](int status, std::string reason = {}) { leg.session().respond(id, {.status = status, .reason = std::move(reason)}); };
  auto* by = find(leg);
  if (!by || !by->present) return refuse(403, "Not In The Room Yet");
  const auto wanted = sip::parse_refer(*request);
  if (!wanted) return leg.session().respond(id, wanted.error());
  std::erase_if(referrals_, [](const auto& referral) { return referral->over && !referral->notifier->active(); });
  const auto own = std::count_if(referrals_.begin(), referrals_.end(), [&](const auto& referral) { return referral->leg == &leg; });
  if (static_cast<std::size_t>(own) >= kMaxReferrals) return refuse(503);
  if (wanted->bye) return refer_bye(*by, id, *request, *wanted);
  if (!dialer_) return refuse(403);
  const auto& referral = referrals_.emplace_back(std::make_shared<Referral>(&leg, std::make_unique<sip::ReferNotifier>(leg.session(), environment_.timeline, id, *request, *wanted)));
  // Whoever asked may have left when there is an answer: the call goes on, nobody is told.
  dialer_->call_into(*this, leg, *wanted, [weak = std::weak_ptr(referral)](int status) {
    const auto told = weak.lock();
    if (!told || told->over) return;
    told->over = status >= 200;
    told->over ? told->notifier->finish(status) : told->notifier->progress(status);
  });
}

// Oneself, another device of one's own account, or as an administrator anybody.
void Room::refer_bye(Participant& by, sip::RequestId id, const sip::Message& request, const sip::ReferRequest& wanted) {
  auto& session = by.leg->session();
  const auto number = number_of(wanted.target);
  const auto& account = by.leg->party().account;
  std::vector<bridge::Leg*> legs;
  for (const auto& p : participants_) {
    if (!p->present || number.empty() || p->leg->party().number != number) continue;
    const bool own = p.get() == &by || (!account.empty() && p->leg->party().account == account);
    if (!own && !by.admin) return session.respond(id, {.status = 403, .reason = "Not Yours To Remove"});
    legs.push_back(p->leg.get());
  }
  if (legs.empty()) return session.respond(id, {.status = 404});
  auto& referral = *referrals_.emplace_back(std::make_shared<Referral>(by.leg.get(), std::make_unique<sip::ReferNotifier>(session, environment_.timeline, id, request, wanted), true));
  referral.notifier->finish(200);
  for (auto* leg : legs) {
    if (leg != by.leg.get()) {
      leg->end("SIP;cause=200;text=\"Removed from the room\"");
      continue;
    }
    environment_.timeline.after(kLastWord, [environment = &environment_, own = leg->id()](base::TimePoint) {
      const auto found = environment->legs.find(own);
      if (found != environment->legs.end() && !found->second->ended()) found->second->end("SIP;cause=200;text=\"Removed from the room\"");
    });
  }
}

void Room::forget_referrals(const bridge::Leg& leg) {
  std::erase_if(referrals_, [&](const auto& referral) { return referral->leg == &leg; });
}

}  // namespace conference
