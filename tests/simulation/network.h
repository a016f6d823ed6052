#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "protocol/frame.h"
#include "protocol/stream.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/events.h"
#include "tests/simulation/reference.h"

namespace ginn::simulation {

// What a worker put into a contribution frame.
struct Sent {
  uint64_t index = 0;  // that its prefix claims
  Payload payload;
  bool deviates = false;   // well formed, and not what its records and weights give
  bool malformed = false;  // must be refused as soon as it is looked at
};

// One connection: the bytes on their way to the verifier, and the frames on their way back.
class Wire {
 public:
  Wire(Chance& chance, const Faults& faults, Events& events);

  // The worker's end.
  void send(protocol::FrameType type, ByteView payload);
  void send_contribution(Sent sent);
  void finish();   // the worker sends no more
  void hang_up();  // the worker is gone
  // A whole answer; a damaged one reads as a broken connection.
  struct Answer {
    protocol::FrameType type{};
    Bytes payload;
  };
  std::optional<Answer> receive();
  bool over() const { return broken_ || (verifier_gone_ && answers_.empty()); }

  // The network: some bytes arrive.
  void turn();

  // The verifier's end.
  size_t read(std::span<uint8_t> out);
  bool at_end() const;
  bool broken() const { return broken_; }
  bool readable() const { return read_ < arrived_ || broken_ || at_end(); }
  bool write(std::span<const ByteView> parts);
  void leave() { verifier_gone_ = true; }
  void reset() { broken_ = true; }

  // Of the contributions that were sent, in the order of their sequence numbers.
  const Sent* sent(size_t number) const {
    return number < contributions_.size() ? &contributions_[number] : nullptr;
  }

 private:
  void put(const Bytes& frame);

  Chance& chance_;
  const Faults& faults_;
  Events& events_;
  Bytes to_verifier_;
  size_t read_ = 0, arrived_ = 0;
  std::optional<size_t> cut_at_;
  std::optional<Bytes> held_;  // to come after the next frame
  uint32_t sequence_ = 0, answer_sequence_ = 0;
  std::deque<Bytes> answers_;
  std::vector<Sent> contributions_;
  bool finished_ = false, broken_ = false, half_open_ = false, verifier_gone_ = false;
};

// What the verifier sees of a wire, and of a network; `turn` is called wherever it waits.
struct Watcher {
  std::function<void()> turn;
  std::function<void(const std::shared_ptr<Wire>&)> connected;
  std::function<void(protocol::FrameType, ByteView payload)> answered;
};

class Network final : public protocol::Acceptor {
 public:
  Network(Chance& chance, Watcher watcher) : chance_(chance), watcher_(std::move(watcher)) {}
  void connect(std::shared_ptr<Wire> wire) { waiting_.push_back(std::move(wire)); }
  void reset();  // the verifier's process is gone
  Result<std::unique_ptr<protocol::Stream>> accept(const protocol::Idle& idle) override;

 private:
  Chance& chance_;
  Watcher watcher_;
  std::deque<std::shared_ptr<Wire>> waiting_;
};

}  // namespace ginn::simulation
