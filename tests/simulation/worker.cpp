#include "tests/simulation/worker.h"

#include <cstring>

#include "certificate/issue/grant.h"

namespace ginn::simulation {
namespace {

using protocol::FrameType;

constexpr size_t kPrefix = protocol::kContributionPrefixBytes;

const crypto::SigningKey& owner() {
  static const crypto::SigningKey key =
      crypto::SigningKey::from_seed(as_bytes("the owner of a simulated run, 32")).value();
  return key;
}

int16_t integer_at(const Bytes& payload, size_t at) {
  int16_t value = 0;
  std::memcpy(&value, payload.data() + at, sizeof value);
  return value;
}

// Nearer to zero by one: within the norm bound, and of good form. False when all are zero, as where
// no unit is active.
bool change_one_integer(Bytes& payload, uint64_t pick) {
  constexpr size_t kFirst = kPrefix + 1;  // after the first tensor's exponent
  constexpr size_t kCount = 4096;         // fc1.weight is 256 x 16
  for (size_t i = 0; i < kCount; ++i) {
    const size_t at = kFirst + 2 * ((i + pick) % kCount);
    int16_t value = integer_at(payload, at);
    if (value > -2 && value < 2) continue;
    value = static_cast<int16_t>(value > 0 ? value - 1 : value + 1);
    std::memcpy(payload.data() + at, &value, sizeof value);
    return true;
  }
  return false;
}

}  // namespace

const char* code_of(Lie lie) {
  switch (lie) {
    case Lie::kNone:
      return "";
    case Lie::kOneInteger:
      return "deviation";
    case Lie::kNorm:
      return "contribution_norm";
    case Lie::kOrder:
      return "contribution_order";
    case Lie::kDuplicate:
      return "contribution_duplicate";
    case Lie::kForm:
      return "contribution_exponent";
    case Lie::kFrameType:
      return "frame_order";
  }
  return "";
}

Worker::Worker(const Reference& reference, Chance& chance, const Faults& faults, Events& events)
    : reference_(reference), chance_(chance), faults_(faults), events_(events) {}

void Worker::lie(Lie lie, std::set<uint64_t> at) {
  lie_ = lie;
  lie_at_ = std::move(at);
}

void Worker::turn(Network& network) {
  if (at_ == At::kAway) {
    if (away_for_ > 0) --away_for_;
    if (away_for_ == 0) connect(network);
    return;
  }
  constexpr uint64_t kPatience = 200;  // turns without an answer
  if (wire_->over() || ++silent_ > kPatience) return go_away();
  if (chance_.once_in(faults_.worker_crash)) {
    events_.note(Event::kWorkerCrash, next_);
    return go_away();
  }
  if (const auto received = wire_->receive()) {
    silent_ = 0;
    return answer(*received);
  }
  if (at_ == At::kTraining) train();
}

void Worker::connect(Network& network) {
  wire_ = std::make_shared<Wire>(chance_, faults_, events_);
  ByteWriter hello;
  hello.u16(protocol::kVersion);
  hello.u16(protocol::kWantsState);
  wire_->send(FrameType::kHello, hello.view());
  wire_->send(FrameType::kJob, as_bytes(reference_.job_text));
  network.connect(wire_);
  at_ = At::kStart;
  silent_ = 0;
}

void Worker::go_away() {
  wire_->hang_up();
  wire_.reset();
  at_ = At::kAway;
  away_for_ = 1 + chance_.below(6);
}

void Worker::answer(const Wire::Answer& answer) {
  switch (answer.type) {
    case FrameType::kStart:
      if (at_ == At::kStart) grant(answer.payload);
      return;
    case FrameType::kReady: {
      if (at_ != At::kReady) return;
      ByteReader in(answer.payload);
      const auto step = in.u64();
      const auto microbatch = in.u32();
      GINN_CHECK(step.ok() && microbatch.ok());
      next_ = *step * reference_.job.microbatches() + *microbatch;
      at_ = next_ == 0 ? At::kTraining : At::kState;
      go_on(next_);
      return;
    }
    case FrameType::kState:
      if (at_ != At::kState) return;
      if (state_ == nullptr &&
          answer.payload != reference_.values[next_ / reference_.job.microbatches()]) {
        throw Violation{"the verifier's state is not that of what it took"};
      }
      if (state_ != nullptr && !std::equal(answer.payload.begin(),
                                           answer.payload.end(),
                                           state_->values().begin(),
                                           state_->values().end())) {
        throw Violation{"the verifier's state is not that of what it took, deviations with it"};
      }
      at_ = At::kTraining;
      return;
    case FrameType::kVerdict:
      return go_away();
    case FrameType::kStatus:
    case FrameType::kHello:
    case FrameType::kJob:
    case FrameType::kGrant:
    case FrameType::kContribution:
    case FrameType::kEnd:
      return;
  }
}

void Worker::grant(ByteView payload) {
  const auto request = certificate::parse_request(as_text(payload));
  if (!request.ok()) throw Violation{"a start frame of another form"};
  if (request->needs_grant) {
    granted_ = std::max(granted_, request->start.life);
    const std::string grant = certificate::issue_grant(owner(), request->start, true);
    wire_->send(FrameType::kGrant, as_bytes(grant));
  }
  at_ = At::kReady;
}

// What was taken after `position` is no longer part of the run.
void Worker::go_on(uint64_t position) {
  if (position > history_.size()) throw Violation{"the verifier is ahead of what was sent"};
  history_.resize(position);
  state_.reset();
  bool honest = true;
  for (size_t i = 0; i < history_.size(); ++i) honest &= history_[i] == reference_.payloads[i];
  if (honest) return;
  std::vector<Payload> whole = history_;
  whole.resize(position - position % reference_.job.microbatches());
  state_ = state_after(reference_, whole);
}

void Worker::train() {
  if (chance_.once_in(3)) return;  // it computes
  if (next_ == reference_.count()) {
    wire_->send(FrameType::kEnd, {});
    wire_->finish();
    at_ = At::kVerdict;
    return;
  }
  if (lie_ == Lie::kFrameType && lie_at_.contains(next_)) {
    lied_ = true;
    events_.note(Event::kLied, next_, code_of(lie_));
    wire_->send(FrameType::kJob, as_bytes(reference_.job_text));
    at_ = At::kVerdict;
    return;
  }
  Sent sent = next();
  history_.push_back(sent.payload);
  if (sent.malformed) at_ = At::kVerdict;
  wire_->send_contribution(std::move(sent));
  ++next_;
  silent_ = 0;
}

Payload Worker::computed(uint64_t index) {
  const uint32_t microbatches = reference_.job.microbatches();
  if (index % microbatches == 0) {
    bool honest = state_ == nullptr;
    for (uint64_t i = index < microbatches ? 0 : index - microbatches; i < index; ++i) {
      honest = honest && history_[i] == reference_.payloads[i];
    }
    if (!honest) state_ = state_after(reference_, history_);
  }
  if (state_ == nullptr) return reference_.payloads[index];
  return honest_payload(reference_, *state_, index);
}

Sent Worker::next() {
  Sent sent{next_, computed(next_), false, false};
  if (lie_ == Lie::kNone || !lie_at_.contains(next_)) return sent;
  if ((lie_ == Lie::kDuplicate && next_ == 0) ||
      (lie_ == Lie::kOrder && next_ + 1 == reference_.count())) {
    return sent;
  }
  return false_one(std::move(sent));
}

Sent Worker::false_one(Sent honest) {
  auto payload = std::make_shared<Bytes>(*honest.payload);
  const std::span<uint8_t> bytes(*payload);
  const uint32_t microbatches = reference_.job.microbatches();
  const auto claim = [&](uint64_t index) {
    honest.index = index;
    protocol::write_prefix({index / microbatches, static_cast<uint32_t>(index % microbatches)},
                           bytes.first<kPrefix>());
  };
  honest.malformed = lie_ != Lie::kOneInteger;
  honest.deviates = lie_ == Lie::kOneInteger;
  if (lie_ == Lie::kOneInteger && !change_one_integer(*payload, next_ * 977)) {
    honest.deviates = false;
    return honest;
  }
  if (lie_ == Lie::kNorm) {
    bytes[kPrefix] = 0;  // the first tensor's exponent: 1 is the least of its norm
    const int16_t one = 1;
    std::memcpy(bytes.data() + kPrefix + 1, &one, sizeof one);
  }
  if (lie_ == Lie::kOrder) claim(next_ + 1);
  if (lie_ == Lie::kDuplicate) claim(next_ - 1);
  if (lie_ == Lie::kForm) bytes[kPrefix] = 127;
  honest.payload = std::move(payload);
  lied_ = true;
  events_.note(Event::kLied, next_, code_of(lie_));
  return honest;
}

}  // namespace ginn::simulation
