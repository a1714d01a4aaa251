#include "media/forwarder_leg.hpp"

#include <algorithm>

namespace media {
namespace {

constexpr std::size_t kNackHead = 12;

}  // namespace

void LegRtcp::add_watcher(VideoWatcher& watcher) {
  senders_.push_back({&watcher.statistics(), &watcher});
  by_ssrc_[watcher.ssrc()] = senders_.back();
}
void LegRtcp::remove_watcher(VideoWatcher& watcher) {
  std::erase_if(senders_, [&](const Sender& s) { return s.watcher == &watcher; });
  by_ssrc_.erase(watcher.ssrc());
}
void LegRtcp::add_sender(rtp::SendStatistics& audio) {
  senders_.push_back({&audio, nullptr});
  by_ssrc_[audio.ssrc()] = senders_.back();
}
void LegRtcp::remove_sender(rtp::SendStatistics& audio) {
  std::erase_if(senders_, [&](const Sender& s) { return s.statistics == &audio; });
  by_ssrc_.erase(audio.ssrc());
}

void LegRtcp::on_rtp(const rtp::PacketView& packet, base::TimePoint now) {
  const std::uint8_t id = config_.extensions.id(rtp::Extension::kTransportSequence);
  if (id == 0 || !packet.has_extensions()) return;
  const base::ByteView data = packet.extension(id);
  if (data.size() < 2) return;
  twcc_.on_packet(base::load_be16(data.data()), now);
  twcc_media_ = packet.ssrc();
}

LegRtcp::Seen LegRtcp::on_rtcp(base::ByteView compound, base::TimePoint now, ForwardSink& sink) {
  Seen seen;
  rtp::CompoundReader reader(compound);
  while (const auto packet = reader.next()) {
    switch (packet->type) {
      case rtp::RtcpType::kSenderReport:
        if (const auto info = rtp::read_sender_info(*packet)) on_sender_info(*info, now);
        on_report(*packet, now);
        break;
      case rtp::RtcpType::kReceiverReport: on_report(*packet, now); break;
      case rtp::RtcpType::kTransportFeedback: on_transport_feedback(*packet, now, sink, seen); break;
      case rtp::RtcpType::kPayloadFeedback: on_payload_feedback(*packet, now, seen); break;
      case rtp::RtcpType::kBye: rtp::for_each_bye(*packet, [&](rtp::Ssrc) { ++seen.byes; }); break;
      default: break;
    }
  }
  seen.malformed = reader.malformed();
  return seen;
}

void LegRtcp::on_sender_info(const rtp::SenderInfo& info, base::TimePoint now) {
  for (VideoSource* source : sources_) source->on_sender_report(info, now);
  for (rtp::ReceiveStatistics* receiver : receivers_) {
    if (receiver->ssrc() == info.ssrc) receiver->on_sender_report(info, now);
  }
}

void LegRtcp::on_report(const rtp::RtcpPacket& packet, base::TimePoint now) {
  rtp::for_each_report_block(packet, [&](const rtp::ReportBlock& block) {
    const auto it = by_ssrc_.find(block.ssrc);
    if (it == by_ssrc_.end()) return;
    it->second.statistics->on_report(block, now);
    if (const auto rtt = it->second.statistics->round_trip()) round_trip_ = rtt;
  });
  if (!round_trip_) return;
  for (VideoSource* source : sources_) source->set_round_trip(*round_trip_);
}

void LegRtcp::on_transport_feedback(const rtp::RtcpPacket& packet, base::TimePoint now, ForwardSink& sink,
                                    Seen& seen) {
  const auto feedback = rtp::read_feedback(packet);
  if (!feedback) return;
  if (packet.count == rtp::kFormatNack) {
    const auto it = by_ssrc_.find(feedback->media);
    if (it == by_ssrc_.end() || it->second.watcher == nullptr) return;
    ++seen.nacks;
    it->second.watcher->on_nack(feedback->control, now, sink);
  } else if (packet.count == rtp::kFormatTwcc) {
    const auto twcc = rtp::TwccReader::parse(feedback->control);
    if (!twcc || twcc->header().status_count == 0) return;
    unsigned lost = 0;
    twcc->for_each([&](std::uint16_t, bool received, std::int32_t) { lost += received ? 0 : 1; });
    transport_loss_ = static_cast<double>(lost) / twcc->header().status_count;
  }
}

void LegRtcp::on_payload_feedback(const rtp::RtcpPacket& packet, base::TimePoint now, Seen& seen) {
  const auto feedback = rtp::read_feedback(packet);
  if (!feedback) return;
  const auto ask = [&](rtp::Ssrc ssrc) {
    const auto it = by_ssrc_.find(ssrc);
    if (it == by_ssrc_.end() || it->second.watcher == nullptr) return;
    it->second.watcher->on_keyframe_request(now);
    seen.keyframe_asked = true;
  };
  if (packet.count == rtp::kFormatPli) {
    ask(feedback->media);
  } else if (packet.count == rtp::kFormatFir) {
    rtp::for_each_fir(feedback->control, [&](rtp::Ssrc ssrc, std::uint8_t) { ask(ssrc); });
  } else if (packet.count == rtp::kFormatAfb) {
    if (const auto remb = rtp::read_remb(feedback->control)) on_remb(*remb);
  }
}

// An estimate is for all streams that it names together: each has an equal share.
void LegRtcp::on_remb(const rtp::Remb& remb) {
  std::array<VideoWatcher*, 31> named{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < remb.ssrc_count; ++i) {
    const auto it = by_ssrc_.find(remb.ssrcs[i]);
    if (it != by_ssrc_.end() && it->second.watcher != nullptr) named[count++] = it->second.watcher;
  }
  for (std::size_t i = 0; i < count; ++i) named[i]->set_estimate(std::max<std::uint64_t>(1, remb.bitrate / count));
}

bool LegRtcp::feedback_due(base::TimePoint now) {
  bool due = twcc_.due(now);
  for (VideoSource* source : sources_) {
    source->tick(now);
    due |= (source->keyframe_due(now) && source->ssrc() != 0) || !source->pending_nacks().empty();
  }
  return due;
}

std::size_t LegRtcp::poll(base::TimePoint now, base::WallTime wall, base::MutableByteView out) {
  rtp::RtcpWriter writer(out);
  if (next_report_ == base::TimePoint{}) {
    // RFC 3550 6.3: not all legs at the same instant.
    next_report_ = now + std::chrono::milliseconds(100 + config_.ssrc % 400);
  }
  if (round_ == Round::kNone && now >= next_report_) {
    round_ = Round::kBlocks;
    report_at_ = 0;
    next_report_ = now + kReportInterval;
  }
  const bool feedback = feedback_due(now);
  if (round_ != Round::kNone) write_reports(now, wall, writer);
  if (feedback) {
    if (writer.size() == 0 && !config_.reduced_size) {
      writer.receiver_report(config_.ssrc, {});
      writer.cname(config_.ssrc, config_.cname);
    }
    write_feedback(now, writer);
  }
  return writer.size();
}

std::size_t LegRtcp::collect_blocks(base::TimePoint now) {
  std::size_t count = 0;
  const auto add = [&](rtp::ReceiveStatistics& statistics) {
    if (count == blocks_.size()) return;
    if (const auto block = statistics.make_report(now)) blocks_[count++] = *block;
  };
  for (rtp::ReceiveStatistics* receiver : receivers_) add(*receiver);
  for (VideoSource* source : sources_) add(source->statistics());
  return count;
}

void LegRtcp::write_reports(base::TimePoint now, base::WallTime wall, rtp::RtcpWriter& writer) {
  const std::size_t cname = std::min<std::size_t>(config_.cname.size(), 255) + 16;
  const auto report_of = [&](const Sender& sender) {
    // A watcher's own call brings its clock up to date first.
    return (sender.watcher != nullptr ? sender.watcher->statistics() : *sender.statistics).make_report(now, wall);
  };
  if (round_ == Round::kBlocks) {
    round_ = Round::kSenders;
    const std::size_t most = (writer.room() - 28 - cname) / 24;
    const auto blocks = std::span(blocks_).first(std::min(collect_blocks(now), most));
    std::optional<rtp::SenderInfo> own;
    if (!senders_.empty() && senders_[0].statistics->ssrc() == config_.ssrc) {
      own = report_of(senders_[0]);
      report_at_ = 1;
    }
    if (own) writer.sender_report(*own, blocks);
    if (!own) writer.receiver_report(config_.ssrc, blocks);
    writer.cname(config_.ssrc, config_.cname);
    if (config_.remb && !sources_.empty()) write_remb(writer);
  }
  for (; report_at_ < senders_.size(); ++report_at_) {
    if (writer.room() < 28 + cname) return;   // the next compound goes on here
    const auto info = report_of(senders_[report_at_]);
    if (!info) continue;
    writer.sender_report(*info, {});
    writer.cname(info->ssrc, config_.cname);
  }
  round_ = Round::kNone;
}

void LegRtcp::write_remb(rtp::RtcpWriter& writer) const {
  std::uint64_t total = config_.other_bitrate;
  std::array<rtp::Ssrc, 16> ssrcs{};
  std::size_t count = 0;
  for (const VideoSource* source : sources_) {
    if (source->ssrc() == 0) continue;
    total += source->target_bitrate();
    if (count < ssrcs.size()) ssrcs[count++] = source->ssrc();
  }
  if (count != 0) writer.remb(config_.ssrc, total, std::span(ssrcs).first(count));
}

void LegRtcp::write_feedback(base::TimePoint now, rtp::RtcpWriter& writer) {
  for (VideoSource* source : sources_) {
    if (source->keyframe_due(now) && source->ssrc() != 0) {
      const bool fits = source->config().pli || !source->config().fir
                            ? writer.pli(config_.ssrc, source->ssrc())
                            : writer.fir(config_.ssrc, source->ssrc(), source->fir_sequence());
      if (fits) source->keyframe_requested(now);
    }
    if (const auto nacks = source->pending_nacks(); !nacks.empty() && writer.room() >= kNackHead + 4) {
      const std::size_t count = std::min(nacks.size(), (writer.room() - kNackHead) / 4);
      if (writer.nack(config_.ssrc, source->ssrc(), nacks.first(count))) source->nacks_sent(count);
    }
  }
  // Last in the compound, since it may end in padding.
  if (twcc_.due(now) && writer.room() >= rtp::TwccReceiver::kMinBuffer) {
    std::array<std::uint8_t, 1200> buffer;
    const std::size_t room = std::min(buffer.size(), writer.room());
    const std::size_t size = twcc_.build(config_.ssrc, twcc_media_, now, base::MutableByteView(buffer).first(room));
    writer.append(base::ByteView(buffer).first(size));
  }
}

std::size_t LegRtcp::bye(std::span<const rtp::Ssrc> ssrcs, base::MutableByteView out) const {
  rtp::RtcpWriter writer(out);
  const rtp::Ssrc own = ssrcs.empty() ? config_.ssrc : ssrcs.front();
  if (!writer.receiver_report(own, {}) || !writer.cname(own, config_.cname) || !writer.bye(ssrcs)) return 0;
  return writer.size();
}

}  // namespace media
