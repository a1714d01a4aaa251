// A leg: one party of a bridge, its SIP session and its media.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "base/rate_limit.hpp"
#include "base/timeline.hpp"
#include "bridge/media_engine.hpp"
#include "bridge/message_policy.hpp"
#include "sdp/codec.hpp"
#include "sdp/negotiation.hpp"
#include "sip/user_agent.hpp"

namespace bridge {

class Leg;
class Bridge;

// A video that a leg publishes.
struct PublishedSource {
  SourceId id;
  enum class Kind { kCamera, kScreen } kind = Kind::kCamera;
  std::size_t section = 0;          // index of its m-line in the publisher's SDP
  std::string codec, fmtp;          // what it is sent in
  std::string stream_id, track_id;  // its msid towards the others: new for every source
};

// The user of a leg: the bridge that it is in, with its policy. The shard's thread.
class LegOwner {
 public:
  virtual ~LegOwner() = default;
  /// called once: ACKed where we answered, answered where we called
  virtual void on_leg_established(Leg& leg) = 0;
  virtual void on_leg_progress(Leg& leg, const sip::Message& response) = 0;
  /// called after each completed offer/answer exchange: sources, directions or hold may be others
  virtual void on_leg_media_changed(Leg& leg) = 0;
  virtual void on_leg_message(Leg& leg, sip::RequestId id, const sip::MessagePtr& request) = 0;
  virtual void on_leg_message_done(Leg& leg, std::uint64_t token, int status) = 0;
  virtual void on_leg_talking(Leg& leg, bool talking) = 0;
  /// called for a digit that the peer dials in the call, by its media or by INFO
  virtual void on_leg_dtmf(Leg&, char) {}
  /// called when a sound that was played to it has ended by itself, or could not be played
  virtual void on_leg_sound_ended(Leg&, bool /*played*/) {}
  /// called for REFER and for whatever else is known and not answered by the leg itself; refused unless overridden
  virtual void on_leg_request(Leg& leg, sip::RequestId id, const sip::MessagePtr& request);
  /// called once, the last call for this leg: the owner destroys it, now or later
  virtual void on_leg_ended(Leg& leg, const sip::SessionEnd& end) = 0;
};

struct LegConfig {
  sdp::LocalConfig sdp;                         // names, codecs in order; each leg fills in its addresses and keys
  std::chrono::seconds flow_grace{13};          // a lost connection that is not replaced by then ends the leg
  MessagePolicy messages;
};

// What legs work with; outlives them.
struct LegEnvironment {
  base::Timeline& timeline;
  MediaEngine& media;
  LegConfig config;
  std::unordered_map<LegId, Leg*> legs{};       // all that live, by themselves
  std::unordered_map<std::uint64_t, Bridge*> bridges{};   // the same, by Bridge::key()
  LegId next_leg_id() { return {++last_leg_id}; }
  // Keys of SRTP go into our offers where the configuration says so and nobody reads them on the way.
  sdp::SdesPolicy sdes_for(sip::Transport transport) const { return transport == sip::Transport::kTls ? config.sdp.sdes : sdp::SdesPolicy::kAccept; }
  std::uint64_t last_leg_id = 0;
  std::size_t pending = 0;                      // legs that are not established yet
};

// Who is at the other end, as the server knows it.
struct Party {
  std::string participant;          // the id that others see
  std::string account;              // "" : a guest
  std::string display_name;         // cleaned
  std::string number;               // user part of its URI
  std::string resume_token;         // a secret: proves that a page is the same again
  bool webphone = false;            // a webphone line's client: resumes calls, and is told of hold
  bool may_message = true;          // may send text
  std::string trunk{};              // by which it calls or is called; "" : by none
  std::shared_ptr<void> trunk_use{};   // counts as a call of the trunk for as long as somebody keeps it
};

// Who is at the far side, as a peer sees it.
struct Identity {
  std::string number, display_name;
  std::string uri;
  bool operator==(const Identity& other) const { return number == other.number && display_name == other.display_name; }
};

// A webphone's page may stand still for two minutes in a dialogue of its own (rule 5 of the WebphoneAPI): it is waited for.
constexpr std::chrono::seconds kPagePatience{200};

class Leg final : public sip::SessionHandler {
 public:
  Leg(LegId id, LegEnvironment& environment, LegOwner& owner, BridgeId bridge, sdp::VideoMode video, Party party);
  ~Leg() override;
  Leg(const Leg&) = delete;

  LegId id() const { return id_; }
  const Party& party() const { return party_; }
  void rename(std::string display_name) { party_.display_name = std::move(display_name); }
  void attach(sip::Session& session) {
    session_ = &session;
    if (party_.webphone) session.set_patience(kPagePatience);
  }
  sip::Session& session() { return *session_; }
  // Its peer speaks with `who` now, and is told so (P-Asserted-Identity, RFC 3325) unless it knows; a trunk never is. False: nothing
  // was to be told.
  bool present(const Identity& who);
  // Its peer knows that already: by the INVITE, ours or its own.
  void note_presented(std::string number, std::string display_name) { presented_ = {std::move(number), std::move(display_name), {}}; }
  // The same page by another dialog may have missed what its predecessor was told.
  void inherit_presented(const Leg& predecessor);
  bool is_of(const sip::Session& session) const { return session_ == &session && !ended_; }
  LegOwner& owner() const { return *owner_; }
  BridgeId bridge() const { return bridge_; }
  sdp::VideoMode video_mode() const { return video_; }
  // Another bridge's from now on: its user takes it out of the old one before, and adds it to the new one after this. Its peer keeps
  // dialog, media transport, sources and participant id; a re-INVITE follows where the videos are laid out otherwise (`video`).
  // Sounds, echo and muting were the old bridge's.
  void move_to(LegOwner& owner, BridgeId bridge, sdp::VideoMode video);

  // Before prepare_answer() or prepare_offer(): another order than the configuration's.
  void set_video_codecs(std::vector<std::string> codecs) { video_codecs_ = std::move(codecs); }
  // The called side: what goes into the 200, the answer to the INVITE's offer, or our offer where it has none.
  base::Result<std::string> prepare_answer(const sip::Message& invite);
  // The calling side: our offer, for browsers (WebRTC) or phones (plain RTP) at `peer`. `sdes` as sdes_for() says, or a trunk's own.
  base::Result<std::string> prepare_offer(bool webrtc, bool video, const base::SocketAddress& peer, sdp::SdesPolicy sdes = sdp::SdesPolicy::kAccept);

  // In the bridge: heard and seen from now on.
  void join();
  bool joined() const { return joined_; }
  void end(std::string_view reason);
  bool ended() const { return ended_; }
  bool lost() const { return flow_lost_; }

  const std::vector<PublishedSource>& sources() const { return sources_; }
  // A resumed leg goes on with its predecessor's sources, so that the others' slots stay as they are.
  void adopt_sources(const Leg& predecessor) {
    inherited_ = predecessor.sources_;
    taken_ = predecessor.taken_;
  }
  // What the others publish: re-INVITEs when something is won or lost by it.
  void watch(const std::vector<sdp::RemoteSource>& sources);
  const std::vector<sdp::Undelivered>& undelivered() const;
  bool on_hold() const;                         // the peer holds us
  bool has_media() const { return negotiator_ && negotiator_->established(); }   // an answer, be it an early one, has come or gone

  // From the media thread.
  void on_media_lost();
  void on_media_failed(std::string_view reason);
  void on_talking(bool talking);
  void on_dtmf(char digit);
  void on_sound_ended(bool played);
  bool talking() const { return talking_; }

  // Hears, sees and reads, and is seen by nobody: its video is shown to none, reports of delivery don't name it.
  void set_hidden(bool hidden) { hidden_ = hidden_video_ = hidden; }
  bool hidden() const { return hidden_; }
  // Its video is shown to none; Bridge::video_changed() makes it so.
  void set_hidden_video(bool hidden) { hidden_video_ = hidden; }
  bool hidden_video() const { return hidden_video_; }

  void set_muted(bool muted);
  bool muted() const { return muted_; }

  // Conference events and notices are opt-in (spec A.3).
  bool wants_events() const { return wants_events_; }
  void set_wants_events(bool wants) { wants_events_ = wants; }
  bool wants_text() const { return wants_text_; }
  void set_wants_text(bool wants) { wants_text_ = wants; }
  // True from the second time on for the same source.
  bool told_unavailable(std::uint64_t source_id);

  // Text. A type that the peer refused is not sent to it again.
  bool takes(std::string_view content_type) const;
  void refuses(std::string_view content_type);      // "" : any MESSAGE
  base::TokenBucket& message_bucket() { return message_bucket_; }
  // `id` by the sender's Parley-Client-Message: a text that it sends again, since it saw no answer, is given to the others once.
  void note_taken(std::string_view id);

  // sip::SessionHandler
  base::Result<std::string> on_offer(std::string_view sdp) override;
  void on_answer(std::string_view sdp) override;
  std::optional<std::string> make_offer() override;
  void on_offer_failed(int status) override;
  void on_progress(const sip::Message& response) override;
  void on_established(const sip::Message& message) override;
  void on_request(sip::RequestId id, const sip::MessagePtr& request) override;
  void on_message_done(std::uint64_t token, int status) override;
  void on_flow_lost() override;
  sip::FlowChange on_flow_change(const sip::Message& request, const sip::Source& source) override;
  void on_ended(const sip::SessionEnd& end) override;

 private:
  base::Status create_media(bool webrtc, const base::SocketAddress& peer, sdp::SdesPolicy sdes);
  void set_pending(bool pending);
  void take_early_answer(std::string_view sdp);
  void media_changed();
  void configure();
  void show_in_own_section(const std::vector<sdp::RemoteSource>& sources);
  void update_sources();

  const LegId id_;
  LegEnvironment& environment_;
  LegOwner* owner_;
  BridgeId bridge_;
  sdp::VideoMode video_;
  Party party_;
  sip::Session* session_ = nullptr;
  std::unique_ptr<sdp::Negotiator> negotiator_;
  std::string early_answer_;                    // the last one
  std::vector<PublishedSource> sources_, inherited_;
  std::vector<std::pair<std::size_t, SourceId>> shown_;
  std::vector<std::string> video_codecs_;
  base::TokenBucket message_bucket_;
  Identity presented_;
  bool identity_told_ = false;
  std::vector<std::string> refused_types_;
  std::vector<std::uint64_t> told_unavailable_;
  std::deque<std::string> taken_;               // the last ids, of a predecessor too; bounded
  bool refuses_all_ = false, wants_events_ = false, wants_text_ = true;
  bool hidden_ = false, hidden_video_ = false;
  bool joined_ = false, ended_ = false, muted_ = false, talking_ = false, has_media_ = false, webrtc_ = false, flow_lost_ = false;
  bool pending_ = false;
  int failed_offers_ = 0;
  std::uint64_t offered_source_ = 0;            // of a call of two: that this leg is to see
  base::TimerQueue::Id flow_timer_ = 0;
};

}  // namespace bridge
