#include "media/jitter_buffer.hpp"

#include <algorithm>

namespace media {
namespace {

using std::chrono::milliseconds;

constexpr base::Duration kBucketLength = milliseconds(1250);
constexpr base::Duration kBin = milliseconds(10);
constexpr base::Duration kJump = std::chrono::seconds(1);       // no network does that to one packet
constexpr base::Duration kMaxExcess = milliseconds(300);        // beyond it packets are thrown away
constexpr base::Duration kMaxConcealed = milliseconds(100);     // then it's silence
constexpr int kRun = 3;                                         // packets in a row that prove a new sequence
constexpr float kForget = 1.0F / 0.998F;
constexpr float kQuantile = 0.97F;
constexpr float kTrustAfter = 25;                               // packets

}  // namespace

base::Duration JitterBuffer::ticks(std::int64_t n) const {
  const std::int64_t rate = clock_rate_;
  return base::Duration(n / rate * 1'000'000'000 + n % rate * 1'000'000'000 / rate);
}

base::Duration JitterBuffer::transit(std::int64_t timestamp, base::TimePoint now) const {
  return (now - epoch_) - ticks(timestamp);
}

base::Duration JitterBuffer::depth() const {
  if (count_ == 0) return {};
  return std::max(base::Duration{}, ticks(last_timestamp_ - next_timestamp_ + last_duration_));
}

void JitterBuffer::reset() {
  for (auto& slot : slots_) slot.seq = kNoSeq;
  count_ = 0;
  begun_ = playing_ = played_ = false;
  run_ = jumps_ = 0;
  concealed_ = {};
}

void JitterBuffer::begin(const AudioPacket& packet, base::TimePoint now) {
  if (begun_) ++counters_.restarted;
  reset();
  begun_ = true;
  ssrc_ = packet.ssrc;
  // Kept positive, so that kNoSeq is never a real one and a ring index never negative.
  next_seq_ = highest_seq_ = (std::int64_t{1} << 32) + packet.seq;
  next_timestamp_ = last_timestamp_ = 0;
  last_raw_timestamp_ = packet.timestamp;
  epoch_ = now;
  least_ = {};
  buckets_.fill({});
}

bool JitterBuffer::make_room(std::int64_t seq) {
  if (slots_.empty()) slots_.resize(8);
  const std::int64_t lowest = std::min(next_seq_, seq);
  const auto span = static_cast<std::size_t>(std::max(highest_seq_, seq) - lowest + 1);
  if (span > kMaxSlots) return false;
  if (span <= slots_.size()) return true;
  std::size_t size = slots_.size();
  while (size < span) size *= 2;
  std::vector<Slot> larger(size);
  for (auto& slot : slots_) {
    if (slot.seq != kNoSeq) larger[static_cast<std::size_t>(slot.seq) & (size - 1)] = std::move(slot);
  }
  slots_ = std::move(larger);
  return true;
}

// Packets that fit nowhere are ignored, but a few in a row are a peer that began anew (RFC 3550 A.1).
bool JitterBuffer::out_of_order_run(std::int64_t seq) {
  run_ = seq == run_seq_ ? run_ + 1 : 1;
  run_seq_ = seq + 1;
  return run_ >= kRun;
}

// Whether the timestamp goes with the time of arrival; if it doesn't for long, the sender has a new clock.
JitterBuffer::Timing JitterBuffer::timing(bool marker, std::int64_t timestamp, base::TimePoint now) {
  const base::Duration off = delay(timestamp, now);
  if (off < kJump && off > -kJump) {
    jumps_ = 0;
    return Timing::kFits;
  }
  return marker || ++jumps_ >= kRun ? Timing::kNewClock : Timing::kOdd;
}

JitterBuffer::Push JitterBuffer::push(const AudioPacket& packet, std::uint32_t duration, base::TimePoint now) {
  if (duration == 0 || packet.payload.size() > kMaxPayload) {
    ++counters_.refused;
    return Push::kRefused;
  }
  ++counters_.received;
  if (!begun_ || packet.ssrc != ssrc_) begin(packet, now);

  auto seq = next_seq_ + static_cast<std::int16_t>(static_cast<std::uint16_t>(packet.seq - next_seq_));
  auto timestamp = last_timestamp_ + static_cast<std::int32_t>(packet.timestamp - last_raw_timestamp_);
  if (holds(seq)) {
    ++counters_.duplicate;
    return Push::kDuplicate;
  }
  const Timing when = timing(packet.marker, timestamp, now);
  bool anew = when == Timing::kNewClock;
  if (when == Timing::kOdd) {
    ++counters_.refused;
    return Push::kRefused;
  }
  if (!anew && seq < next_seq_ && played_) {
    count_delay(delay(timestamp, now));
    anew = out_of_order_run(seq);
    if (!anew) {
      ++counters_.late;
      return Push::kLate;
    }
  } else if (!anew && count_ == 0 && seq - next_seq_ >= static_cast<std::int64_t>(kMaxSlots)) {
    next_seq_ = highest_seq_ = seq;  // a long outage: nothing between is of any use
    playing_ = false;
  } else if (!anew && !make_room(seq)) {
    anew = out_of_order_run(seq);
    if (!anew) {
      ++counters_.refused;
      return Push::kRefused;
    }
  } else {
    run_ = 0;
  }
  if (anew) {
    begin(packet, now);
    seq = next_seq_;
    timestamp = 0;
  }
  make_room(seq);
  measure(transit(timestamp, now), now);
  store(packet, seq, timestamp, duration);
  return Push::kStored;
}

void JitterBuffer::store(const AudioPacket& packet, std::int64_t seq, std::int64_t timestamp, std::uint32_t duration) {
  if (seq < next_seq_) {  // the very first ones came in another order
    next_seq_ = seq;
    next_timestamp_ = std::min(next_timestamp_, timestamp);
  }
  Slot& slot = at(seq);
  ++count_;
  slot.seq = seq;
  slot.timestamp = timestamp;
  slot.duration = duration;
  slot.payload.assign(packet.payload.begin(), packet.payload.end());
  if (seq >= highest_seq_) {
    highest_seq_ = seq;
    last_timestamp_ = timestamp;
    last_raw_timestamp_ = packet.timestamp;
  }
}

void JitterBuffer::push_other(std::uint32_t ssrc, std::uint16_t raw_seq) {
  if (!begun_ || ssrc != ssrc_) return;
  const auto seq = next_seq_ + static_cast<std::int16_t>(static_cast<std::uint16_t>(raw_seq - next_seq_));
  if (seq < next_seq_ || !make_room(seq) || holds(seq)) return;
  Slot& slot = at(seq);
  slot.seq = seq;
  slot.duration = 0;
  ++count_;
  highest_seq_ = std::max(highest_seq_, seq);
}

void JitterBuffer::measure(base::Duration transit, base::TimePoint now) {
  const std::int64_t epoch = now.time_since_epoch() / kBucketLength;
  Bucket& bucket = buckets_[static_cast<std::size_t>(epoch) % kBuckets];
  if (bucket.epoch != epoch) {
    bucket = {epoch, transit};
    // A new bucket pushed the oldest out: only now may the least grow.
    least_ = transit;
    for (const Bucket& b : buckets_) {
      if (b.epoch > epoch - kBuckets && b.epoch <= epoch) least_ = std::min(least_, b.least);
    }
  } else {
    bucket.least = std::min(bucket.least, transit);
    least_ = std::min(least_, transit);
  }
  count_delay(transit - least_);
}

// The histogram forgets by weighting what is new more, which costs one addition a packet.
void JitterBuffer::count_delay(base::Duration late) {
  const auto bin = std::clamp<std::int64_t>(late / kBin, 0, kBins - 1);
  histogram_[static_cast<std::size_t>(bin)] += weight_;
  total_ += weight_;
  weight_ *= kForget;
  if (weight_ > 1e6F) {
    for (auto& h : histogram_) h /= weight_;
    total_ /= weight_;
    weight_ = 1;
  }
  if (counters_.received < static_cast<std::uint64_t>(kTrustAfter)) return;
  float sum = 0;
  std::size_t i = 0;
  while (i < kBins - 1 && (sum += histogram_[i]) < kQuantile * total_) ++i;
  target_ = std::clamp<base::Duration>(kBin * static_cast<std::int64_t>(i + 1) + kBin, kMinTarget, kMaxTarget);
}

void JitterBuffer::release(Slot& slot) {
  slot.seq = kNoSeq;
  --count_;
}

JitterBuffer::Slot* JitterBuffer::first_stored() {
  if (count_ == 0) return nullptr;
  for (std::int64_t seq = next_seq_; seq <= highest_seq_; ++seq) {
    if (holds(seq) && at(seq).duration != 0) return &at(seq);
  }
  return nullptr;
}

void JitterBuffer::drop_others() {
  while (count_ != 0 && holds(next_seq_) && at(next_seq_).duration == 0) release(at(next_seq_++));
}

JitterFrame JitterBuffer::pull(base::TimePoint now) {
  if (!begun_) return {};
  drop_others();
  Slot* const first = first_stored();
  if (first == nullptr) return playing_ ? starved() : JitterFrame{};
  if (!playing_) {
    if (delay(first->timestamp, now) < target_) return {};
    playing_ = true;
    return take(first, now);
  }
  if (first->seq != next_seq_) return missing(*first, now);
  // In sequence but later on the clock: the sender was silent between (DTX), and its timing is kept.
  const bool gap = first->timestamp > next_timestamp_;
  if (gap && delay(first->timestamp, now) < target_) return {};
  return take(first, now);
}

// Nothing to play: concealment without using anything up, which delays what comes by as much.
JitterFrame JitterBuffer::starved() {
  const base::Duration length = ticks(last_duration_);
  if (concealed_ + length > kMaxConcealed || length <= base::Duration{}) {
    playing_ = false;
    concealed_ = {};
    return {};
  }
  concealed_ += length;
  ++counters_.underrun;
  return {.kind = JitterFrame::Kind::kLost, .payload = {}, .duration = last_duration_, .excess = {}};
}

JitterFrame JitterBuffer::missing(Slot& later, base::TimePoint now) {
  const base::Duration length = ticks(last_duration_);
  const base::Duration late = delay(later.timestamp, now);
  if (late >= target_ + length || last_duration_ == 0) return take(&later, now);  // its time has come already
  // Reordered rather than lost, perhaps, and there is delay to be gained: wait once.
  const bool wait = late + length < target_ && concealed_ < 2 * length;
  if (wait) {
    concealed_ += length;
    ++counters_.underrun;
    return {.kind = JitterFrame::Kind::kLost, .payload = {}, .duration = last_duration_, .excess = {}};
  }
  const bool last_one = next_seq_ + 1 == later.seq && next_timestamp_ + last_duration_ == later.timestamp;
  ++next_seq_;
  next_timestamp_ = std::min<std::int64_t>(next_timestamp_ + last_duration_, later.timestamp);
  ++counters_.lost;
  JitterFrame frame{.kind = JitterFrame::Kind::kLost, .payload = {}, .duration = last_duration_, .excess = {}};
  if (last_one) {
    frame.kind = JitterFrame::Kind::kRecovered;
    frame.payload = later.payload;
    ++counters_.recovered;
  }
  return frame;
}

JitterFrame JitterBuffer::take(Slot* slot, base::TimePoint now) {
  for (;;) {
    for (; next_seq_ < slot->seq; ++next_seq_) {
      if (holds(next_seq_)) release(at(next_seq_));
    }
    ++next_seq_;
    release(*slot);
    next_timestamp_ = slot->timestamp + slot->duration;
    last_duration_ = slot->duration;
    concealed_ = {};
    played_ = true;
    const base::Duration excess = delay(slot->timestamp, now) - target_ - ticks(slot->duration);
    Slot* const following = excess > kMaxExcess ? first_stored() : nullptr;
    if (following == nullptr) {
      return {.kind = JitterFrame::Kind::kPacket, .payload = slot->payload, .duration = slot->duration,
              .excess = std::max(excess, base::Duration{})};
    }
    ++counters_.skipped;  // a stall ended in a burst: catch up at once
    slot = following;
  }
}

}  // namespace media
