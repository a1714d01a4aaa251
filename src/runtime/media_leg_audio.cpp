// A leg's sound: what the mixer knows of it, what is sent, and what goes from leg to leg as it came (a call of two that speak the
// same codec is relayed, RFC 3550 section 7.1 "translator" with numbers of its own).
#include "base/random.hpp"
#include "base/text.hpp"
#include "runtime/media_bridge.hpp"

namespace runtime {
namespace {

// Silence for a plain leg that has sent nothing itself (a client for text, a port that nobody listens on) goes out once in
// so many packets: RFC 3551 section 4.1. Enough to open a way through a NAT and to be seen.
constexpr unsigned kSilentPackets = 10;
constexpr base::Duration kFrame = std::chrono::milliseconds(20);
// Sequence numbers: what is further off is another stream.
constexpr int kMaxJump = 3000, kMaxLate = 500;
constexpr unsigned kMaxRelayedPerSecond = 500;   // packets; a frame of 2.5 ms each is 400

std::optional<media::AudioCodec> audio_codec(const sdp::Codec& codec) {
  if (base::equals_ignoring_case(codec.name, "opus")) return media::AudioCodec::kOpus;
  if (base::equals_ignoring_case(codec.name, "PCMU")) return media::AudioCodec::kPcmu;
  if (base::equals_ignoring_case(codec.name, "PCMA")) return media::AudioCodec::kPcma;
  if (base::equals_ignoring_case(codec.name, "G722")) return media::AudioCodec::kG722;
  return std::nullopt;
}

}  // namespace

void MediaLeg::configure_audio(const sdp::Section& section) {
  media::ParticipantAudio participant;
  const auto first = std::find_if(section.codecs.begin(), section.codecs.end(), [](const auto& c) { return audio_codec(c).has_value(); });
  if (first == section.codecs.end()) return;
  participant.codec = *audio_codec(*first);
  participant.payload_type = first->payload_type;
  audio_.payload_types.clear();
  for (const auto& codec : section.codecs) {
    const auto kind = audio_codec(codec);
    if (!kind) continue;
    participant.also.push_back({codec.receive_payload_type, *kind});
    audio_.payload_types.push_back(codec.receive_payload_type);
  }
  if (!section.telephone_events.empty()) {
    const auto& event = section.telephone_events.front();
    participant.telephone_event = event.receive_payload_type;
    participant.event_out = event.payload_type;
    participant.event_clock = event.clock_rate;
    for (const auto& other : section.telephone_events) audio_.payload_types.push_back(other.receive_payload_type);
  }
  participant.detect_tones = section.telephone_events.empty();
  participant.muted = section.direction == sdp::Direction::kSendOnly || section.direction == sdp::Direction::kInactive;
  participant.listening = sends(section.direction);
  audio_.active = true;
  audio_.mid = section.mid;
  const auto ids = extension_ids(section);
  audio_.level_extension = ids.id(rtp::Extension::kAudioLevel);
  audio_.mid_extension = ids.id(rtp::Extension::kMid);
  const auto ssrc = section.ssrc != 0 ? section.ssrc : audio_.ssrc != 0 ? audio_.ssrc : base::random_u32();
  const auto clock = media::clock_rate(participant.codec);
  if (!audio_.sent || audio_.ssrc != ssrc || audio_.clock_rate != clock) {
    if (audio_.sent) rtcp_->remove_sender(*audio_.sent);
    // A stream whose codec alone changes goes on counting: under SRTP no number may come again with another content.
    const bool goes_on = audio_.sent && audio_.ssrc == ssrc;
    audio_.ssrc = ssrc;
    audio_.clock_rate = clock;
    if (!goes_on) audio_.sequence = static_cast<std::uint16_t>(base::random_u32() & 0x7fff);   // room before the first wrap (RFC 3711 section 3.3.1)
    audio_.timestamp_offset = base::random_u32();
    audio_.last_sent = {};
    relayed_ = {};
    audio_.sent = std::make_unique<rtp::SendStatistics>(ssrc, clock);
    rtcp_->add_sender(*audio_.sent);
  }
  audio_.participant = std::move(participant);
  update_mixer();
}

// One that has not joined is there for its own sounds alone, from the first one on.
void MediaLeg::update_mixer() {
  if (!audio_.active || !bridge_) return;
  auto participant = audio_.participant;
  participant.muted |= muted_;
  participant.apart = !joined_;
  // A sound waits for a browser's keys, so that its beginning is heard.
  if (!transport_ || connected_) participant.sounds = sounds_.get();
  bridge_->wake();
  auto& mixer = bridge_->mixer();
  if (in_mixer_) {
    mixer.update(id_.value, participant);
  } else if (joined_ || participant.sounds) {
    mixer.add(id_.value, participant);
    in_mixer_ = true;
  }
}

void MediaLeg::join(base::TimePoint) {
  joined_ = true;
  for (const auto& section : negotiated_.sections) {
    if (section.active && section.role == sdp::Role::kOwnAudio) configure_audio(section);
  }
}

void MediaLeg::set_muted(bool muted) {
  muted_ = muted;
  if (!in_mixer_) return;
  bridge_->stop_relay();
  bridge_->mixer().set_muted(id_.value, muted || audio_.participant.muted);
}

media::PrivateSound& MediaLeg::sounds() {
  if (!sounds_) sounds_ = std::make_unique<media::PrivateSound>();
  if (bridge_) bridge_->stop_relay();
  return *sounds_;
}

void MediaLeg::play(media::SoundSpec spec, std::uint64_t serial) {
  sound_serial_ = serial;
  sounds().play(std::move(spec));
  update_mixer();
}

void MediaLeg::stop_sound() {
  if (sounds_) sounds_->stop();
}

void MediaLeg::set_echo(bool echo) {
  if (!echo && !sounds_) return;
  sounds().set_echo(echo);
  update_mixer();
  configure_shown();
}

void MediaLeg::send_dtmf(std::string_view digits) {
  sounds().dtmf().queue(digits);
  update_mixer();
}

void MediaLeg::push_audio(const rtp::PacketView& packet, base::TimePoint now) {
  if (!audio_.received || audio_.received->ssrc() != packet.ssrc()) {
    if (audio_.received) {
      audio_.received->reset(packet.ssrc());
    } else {
      audio_.received = std::make_unique<rtp::ReceiveStatistics>(packet.ssrc(), audio_.clock_rate);
      rtcp_->add_receiver(*audio_.received);
    }
  }
  audio_.received->on_packet(packet.sequence(), packet.timestamp(), now);
  media::AudioPacket audio{.payload_type = packet.payload_type(), .marker = packet.marker(), .seq = packet.sequence(),
                           .timestamp = packet.timestamp(), .ssrc = packet.ssrc(), .payload = packet.payload(), .audio_level = std::nullopt, .voice = false};
  if (audio_.level_extension != 0) {
    if (const auto level = rtp::read_audio_level(packet.extension(audio_.level_extension))) {
      audio.audio_level = level->level;
      audio.voice = level->voice;
    }
  }
  if (!in_mixer_) return;
  audio_.last_received = now;
  if (partner_ && relay(audio, now)) {
    bridge_->mixer().observe(id_.value, audio, now);
  } else {
    bridge_->mixer().push(id_.value, audio, now);
  }
}

bool MediaLeg::may_relay_to(const MediaLeg& other, base::TimePoint now, base::Duration patience) const {
  const auto plays = [](const MediaLeg& leg) { return leg.sounds_ && !leg.sounds_->idle(); };
  const auto& ours = audio_.participant;
  const auto& theirs = other.audio_.participant;
  if (!joined_ || !in_mixer_ || !connected_ || !audio_.active || muted_ || ours.muted || !ours.listening || plays(*this)) return false;
  return other.audio_.active && ours.codec == theirs.codec && now - audio_.last_received <= patience;
}

void MediaLeg::set_partner(MediaLeg* partner) {
  if (partner_ == partner) return;
  partner_ = partner;
  relayed_ = {};
  audio_.rebase = true;
}

// False: it can't go as it is, and the relaying has ended.
bool MediaLeg::relay(const media::AudioPacket& packet, base::TimePoint now) {
  const auto& ours = audio_.participant;
  const auto& theirs = partner_->audio_.participant;
  if (now - audio_.second >= std::chrono::seconds(1)) {
    audio_.second = now;
    audio_.in_second = 0;
  }
  if (++audio_.in_second > kMaxRelayedPerSecond) {
    bridge_->refuse_relay(now);   // no flood is passed on: the mixer sends at its own pace
    return false;
  }
  if (packet.payload_type == ours.telephone_event) {
    partner_->pass_over(packet);   // what a digit means is for those to say who are told of it
    return true;
  }
  const auto listed = std::ranges::find(ours.also, packet.payload_type, &media::ParticipantAudio::Receives::payload_type);
  if (listed != ours.also.end() && listed->codec == theirs.codec) {
    partner_->send_relayed(packet, now);
    return true;
  }
  bridge_->refuse_relay(now);
  return false;
}

// Its number is not missed by the one who doesn't get it.
void MediaLeg::pass_over(const media::AudioPacket& packet) {
  auto& r = relayed_;
  if (!r.begun || packet.ssrc != r.ssrc) return;
  const auto step = static_cast<std::int16_t>(static_cast<std::uint16_t>(packet.seq - r.newest));
  if (step <= 0 || step > kMaxJump) return;
  r.newest = r.floor = packet.seq;
  --r.sequence_offset;
}

void MediaLeg::send_relayed(const media::AudioPacket& packet, base::TimePoint now) {
  if (!audio_.active) return;
  auto& r = relayed_;
  const auto step = static_cast<std::int16_t>(static_cast<std::uint16_t>(packet.seq - r.newest));
  const bool fresh = !r.begun || packet.ssrc != r.ssrc || step > kMaxJump || step < -kMaxLate;
  if (fresh) {
    // Loss, order and jitter are the sender's from here on; only where it begins is ours.
    const auto next = audio_.last_sent == base::TimePoint{} ? audio_.timestamp_offset : next_timestamp(now);
    r = {.begun = true, .ssrc = packet.ssrc, .newest = packet.seq, .floor = packet.seq,
         .sequence_offset = static_cast<std::uint16_t>(audio_.sequence - packet.seq), .timestamp_offset = next - packet.timestamp};
  } else if (step > 0) {
    r.newest = packet.seq;
    if (static_cast<std::uint16_t>(packet.seq - r.floor) > 2 * kMaxLate) r.floor = static_cast<std::uint16_t>(packet.seq - kMaxLate);
  } else if (static_cast<std::int16_t>(static_cast<std::uint16_t>(packet.seq - r.floor)) < 0) {
    return;   // from before: its number has been given to another
  }
  const rtp::HeaderFields fields{.payload_type = audio_.participant.payload_type, .marker = packet.marker || fresh,
                                 .sequence = static_cast<std::uint16_t>(packet.seq + r.sequence_offset),
                                 .timestamp = packet.timestamp + r.timestamp_offset, .ssrc = audio_.ssrc};
  const bool newest = fresh || step > 0;
  if (newest) {
    audio_.sequence = static_cast<std::uint16_t>(fields.sequence + 1);
    audio_.last_timestamp = fields.timestamp;
    audio_.last_sent = now;
  }
  audio_.withheld = 0;
  if (!transmit(fields, packet.payload, packet.audio_level, packet.voice)) return;
  if (newest) {
    audio_.sent->on_sent(packet.payload.size(), fields.timestamp, now);
  } else {
    audio_.sent->on_sent_again(packet.payload.size());
  }
}

// Where the clock of what is sent stands by now.
std::uint32_t MediaLeg::next_timestamp(base::TimePoint now) const {
  const auto gap = std::chrono::duration_cast<std::chrono::microseconds>(std::max<base::Duration>(now - audio_.last_sent, kFrame));
  return audio_.last_timestamp + static_cast<std::uint32_t>(static_cast<std::uint64_t>(gap.count()) * audio_.clock_rate / 1'000'000);
}

void MediaLeg::send_audio(const media::EncodedAudio& audio, base::TimePoint now) {
  if (!audio_.active) return;
  const bool moved = std::exchange(audio_.rebase, false) && audio_.last_sent != base::TimePoint{};
  if (moved) audio_.timestamp_offset = next_timestamp(now) - audio.timestamp;
  const auto timestamp = audio.timestamp + audio_.timestamp_offset;
  if (!audio.event) {
    audio_.last_timestamp = timestamp;
    audio_.last_sent = now;
  }
  rtp::HeaderFields fields{.payload_type = audio.payload_type, .marker = audio.marker || moved, .sequence = audio_.sequence, .timestamp = timestamp,
                           .ssrc = audio_.ssrc};
  if (!transport_) {
    if (audio.silent && !connected_ && ++audio_.withheld % kSilentPackets != 1) return;
    if (!audio.silent || connected_) fields.marker |= std::exchange(audio_.withheld, 0) > 1;
  }
  if (!transmit(fields, audio.payload, std::nullopt, false)) return;
  ++audio_.sequence;
  if (audio.event) {
    audio_.sent->on_sent_again(audio.payload.size());
  } else {
    audio_.sent->on_sent(audio.payload.size(), timestamp, now);
  }
}

// False: its number is still free.
bool MediaLeg::transmit(const rtp::HeaderFields& fields, base::ByteView payload, std::optional<std::uint8_t> level, bool voice) {
  if (!transport_) {
    const auto to = symmetric_.destination();
    if (!to) return false;
    std::array<std::uint8_t, 1500> buffer;
    auto size = rtp::write_packet(base::MutableByteView(buffer).first(buffer.size() - webrtc::kSrtpOverhead), fields, payload);
    if (sdes_) size = sdes_->protect_rtp(buffer, size);
    if (size == 0) return false;
    sockaddr_storage address;
    const auto length = plain_.rtp.is_v6() ? to->to_v6(address) : to->to(address);
    const bool sent = ::sendto(plain_.rtp.fd(), buffer.data(), size, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address), length) >= 0;
    return sent || sdes_;   // a number that has been under a key is used up
  }
  if (!transport_->connected()) return false;
  auto& output = way_->output();
  auto slot = output.next();
  rtp::HeaderWriter writer(slot, fields);
  if (audio_.mid_extension != 0) writer.add_extension(audio_.mid_extension, base::as_bytes(audio_.mid));
  if (level && audio_.level_extension != 0) {
    const std::array<std::uint8_t, 1> data{static_cast<std::uint8_t>((voice ? 0x80 : 0) | (*level & 0x7f))};
    writer.add_extension(audio_.level_extension, data);
  }
  const auto header = writer.finish();
  if (header + payload.size() + webrtc::kSrtpOverhead > slot.size()) return false;
  std::copy(payload.begin(), payload.end(), slot.begin() + static_cast<std::ptrdiff_t>(header));
  const auto written = transport_->protect_rtp(slot, header + payload.size());
  if (written == 0) return false;
  const auto& selected = transport_->selected_address();
  if (!way_->send_tcp(selected, base::ByteView(slot).first(written))) output.commit(selected, written);
  return true;
}

}  // namespace runtime
