#include "tests/simulation/network.h"

#include <algorithm>

#include "base/crc32c.h"

namespace ginn::simulation {
namespace {

using protocol::FrameType;

Bytes frame_bytes(FrameType type, ByteView payload, uint32_t sequence) {
  const auto header = protocol::frame_header(
      {type, static_cast<uint32_t>(payload.size()), sequence, crc32c(payload)});
  Bytes frame(header.begin(), header.end());
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

void flip(Chance& chance, Bytes& bytes) {
  // Half of the time in the header, which is small beside a payload.
  const size_t most = chance.once_in(2) ? protocol::kHeaderBytes : bytes.size();
  bytes[chance.below(most)] ^= static_cast<uint8_t>(1 + chance.below(255));
}

class SimulatedStream final : public protocol::Stream {
 public:
  SimulatedStream(std::shared_ptr<Wire> wire, Chance& chance, const Watcher& watcher)
      : wire_(std::move(wire)), chance_(chance), watcher_(watcher) {}
  ~SimulatedStream() override { wire_->leave(); }

  Status write(std::span<const ByteView> parts) override {
    while (chance_.once_in(4)) watcher_.turn();
    watcher_.answered(static_cast<FrameType>(parts[0][4]), parts[1]);
    if (wire_->write(parts)) return ok_status();
    return refused("peer_gone", "the simulated connection broke");
  }
  bool writable() const override { return !chance_.once_in(4); }
  Result<size_t> read(std::span<uint8_t> out, const protocol::Idle& idle) override {
    for (;;) {
      if (const size_t got = wire_->read(out); got > 0) return got;
      if (wire_->broken()) return refused("peer_gone", "the simulated connection broke");
      if (wire_->at_end()) return size_t{0};
      watcher_.turn();
      if (!wire_->readable()) GINN_TRY(idle());
    }
  }
  bool readable() const override { return wire_->readable(); }
  void finish_writing() override { wire_->leave(); }

 private:
  std::shared_ptr<Wire> wire_;
  Chance& chance_;
  const Watcher& watcher_;
};

}  // namespace

Wire::Wire(Chance& chance, const Faults& faults, Events& events)
    : chance_(chance), faults_(faults), events_(events) {}

void Wire::send(FrameType type, ByteView payload) {
  Bytes frame = frame_bytes(type, payload, sequence_++);
  if (chance_.once_in(faults_.lose)) {
    events_.note(Event::kFrameLost, sequence_ - 1, protocol::frame_name(type));
    return;
  }
  if (chance_.once_in(faults_.flip)) {
    events_.note(Event::kFlipped, sequence_ - 1, protocol::frame_name(type));
    flip(chance_, frame);
  }
  if (!held_ && chance_.once_in(faults_.reorder)) {
    events_.note(Event::kFramesReordered, sequence_ - 1, protocol::frame_name(type));
    held_ = std::move(frame);
    return;
  }
  put(frame);
  if (held_) put(*std::exchange(held_, std::nullopt));
  if (chance_.once_in(faults_.duplicate)) {
    events_.note(Event::kFrameDuplicated, sequence_ - 1, protocol::frame_name(type));
    put(frame);
  }
}

void Wire::put(const Bytes& frame) {
  const size_t before = to_verifier_.size();
  to_verifier_.insert(to_verifier_.end(), frame.begin(), frame.end());
  if (!cut_at_ && chance_.once_in(faults_.cut)) {
    cut_at_ = before + chance_.below(frame.size() + 1);
    events_.note(Event::kCut, *cut_at_ - before);
  }
  if (!half_open_ && chance_.once_in(faults_.half_open)) {
    half_open_ = true;
    events_.note(Event::kHalfOpen);
  }
}

void Wire::send_contribution(Sent sent) {
  const Payload payload = sent.payload;
  contributions_.push_back(std::move(sent));
  send(FrameType::kContribution, *payload);
}

void Wire::finish() {
  if (held_) put(*std::exchange(held_, std::nullopt));
  finished_ = true;
}

void Wire::hang_up() {
  if (chance_.once_in(2)) {
    finished_ = true;  // what was sent still arrives
  } else {
    broken_ = true;
  }
  verifier_gone_ = true;
}

std::optional<Wire::Answer> Wire::receive() {
  if (half_open_ || broken_ || answers_.empty()) return std::nullopt;
  const Bytes bytes = std::move(answers_.front());
  answers_.pop_front();
  const size_t body = bytes.size() - protocol::kHeaderBytes;
  const auto header = protocol::parse_header(
      ByteView(bytes).first<protocol::kHeaderBytes>(), {body, body}, answer_sequence_++);
  if (!header.ok() || header->length != body ||
      crc32c(ByteView(bytes).subspan(protocol::kHeaderBytes)) != header->checksum) {
    hang_up();
    return std::nullopt;
  }
  return Answer{header->type, Bytes(bytes.begin() + protocol::kHeaderBytes, bytes.end())};
}

void Wire::turn() {
  if (half_open_ || broken_) return;
  static constexpr uint64_t kPieces[] = {1, 20, 3000, 100000, 1000000};
  const size_t piece = 1 + chance_.below(kPieces[chance_.below(std::size(kPieces))]);
  arrived_ = std::min(arrived_ + piece, to_verifier_.size());
  if (!cut_at_ || arrived_ < *cut_at_) return;
  arrived_ = std::max(read_, *cut_at_);
  if (chance_.once_in(2)) {
    to_verifier_.resize(arrived_);  // the end of the stream, in the middle of it
    finished_ = true;
    verifier_gone_ = true;
  } else {
    broken_ = true;
  }
}

size_t Wire::read(std::span<uint8_t> out) {
  size_t got = std::min(arrived_ - read_, out.size());
  if (got > 1 && chance_.once_in(8)) got = 1 + chance_.below(got);
  std::copy_n(to_verifier_.begin() + static_cast<std::ptrdiff_t>(read_), got, out.begin());
  read_ += got;
  return got;
}

bool Wire::at_end() const { return finished_ && !half_open_ && read_ == to_verifier_.size(); }

bool Wire::write(std::span<const ByteView> parts) {
  if (broken_ || verifier_gone_) return false;
  Bytes frame;
  for (const ByteView part : parts) frame.insert(frame.end(), part.begin(), part.end());
  if (chance_.once_in(faults_.answer)) {
    const bool lost = chance_.once_in(2);
    events_.note(lost ? Event::kAnswerLost : Event::kAnswerFlipped, frame[4]);
    if (lost) return true;
    flip(chance_, frame);
  }
  answers_.push_back(std::move(frame));
  return true;
}

void Network::reset() {
  for (const auto& wire : waiting_) wire->reset();
  waiting_.clear();
}

Result<std::unique_ptr<protocol::Stream>> Network::accept(const protocol::Idle& idle) {
  while (waiting_.empty()) {
    watcher_.turn();
    if (waiting_.empty()) GINN_TRY(idle());
  }
  std::shared_ptr<Wire> wire = std::move(waiting_.front());
  waiting_.pop_front();
  watcher_.connected(wire);
  return std::unique_ptr<protocol::Stream>(
      std::make_unique<SimulatedStream>(std::move(wire), chance_, watcher_));
}

}  // namespace ginn::simulation
