#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "protocol/frame.h"
#include "training/training.h"

namespace ginn::verifier {

// The weights of one step, shared by the replays of that step; packed by the first one.
class Snapshot {
 public:
  Snapshot(const float* weights, size_t count);
  const float* weights() const { return weights_.data(); }
  size_t count() const { return weights_.size(); }
  Result<const nn::StepWeights*> packed(const training::Training& training) const;

 private:
  device::Buffer<float> weights_;
  mutable std::once_flag once_;
  mutable std::optional<Result<nn::StepWeights>> packed_;
};

// A contribution that was picked: to be computed again at the same weights.
struct Replay {
  uint64_t step = 0;
  uint32_t microbatch = 0;
  std::shared_ptr<const Snapshot> snapshot;
  training::Contribution received;
};

// The trusted side of intake as a state machine without I/O: owns the weights, takes contributions
// in the one order there is, checks form and norm of each, decides by a coin which are replayed,
// adds them and applies the optimiser. Bytes and randomness come in as arguments.
class Intake {
 public:
  // `training` outlives this. Codes: job::sampling's.
  static Result<std::unique_ptr<Intake>> create(const training::Training& training);

  // Goes on from a saved state. Codes: State::restore's.
  Status restore(uint64_t step, uint32_t taken, ByteView values, ByteView sums) {
    return state_.restore(step, taken, values, sums);
  }

  // Takes the next contribution: `payload` is a frame's, already copied into private memory; `coin`
  // is 64 fresh random bits, drawn after the copy. What is taken is final. Codes, in this order:
  // "contribution_length", "frame_reserved", "contribution_index", "contribution_duplicate",
  // "contribution_order", then training::decode's, "contribution_norm", and "not_finite" from the
  // optimiser. Returns the replay when the coin picked it.
  Result<std::optional<Replay>> take(ByteView payload, uint64_t coin);

  bool complete() const { return state_.step() == training_.job().steps; }
  uint64_t taken() const { return state_.step() * training_.job().microbatches() + state_.taken(); }
  uint64_t next_step() const { return state_.step(); }
  uint32_t next_microbatch() const { return state_.taken(); }
  size_t payload_bytes() const { return payload_bytes_; }
  const training::State& state() const { return state_; }
  const guarantee::Sampling& sampling() const { return sampling_; }

 private:
  Intake(const training::Training& training, guarantee::Sampling sampling);
  Status check_index(const protocol::ContributionPrefix& prefix) const;

  const training::Training& training_;
  guarantee::Sampling sampling_;
  training::State state_;
  std::vector<uint64_t> squares_;  // of the contribution that is taken, by parameter
  training::Wide norm_limit_;
  size_t payload_bytes_;
  std::shared_ptr<const Snapshot> snapshot_;  // of the current step, once a coin picked from it
};

}  // namespace ginn::verifier
