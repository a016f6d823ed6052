#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "training/training.h"

// States that a run keeps in its folder, so that an audit can begin at them. Whoever reads one
// holds its digest against the transcript's: that the worker wrote it proves nothing.
namespace ginn::worker {

inline constexpr std::string_view kStatesFolder = "states";

// Which states: some of those that the transcript has.
class Keep {
 public:
  // "none", "all" (every protocol::kTranscriptSteps steps) or "N": every N steps, a multiple of
  // that. Code "keep".
  static Result<Keep> parse(std::string_view text);

  bool any() const { return every_ > 0; }
  // Whether the state after `step` steps of `steps` is kept. The last one is not: the model has it.
  bool keeps(uint64_t step, uint64_t steps) const;

 private:
  uint64_t every_ = 0;
};

// "step-00000064.safetensors": the state after 64 steps. Sorted by name, they are in order.
std::string kept_state_name(uint64_t step);
// Inverse; none for another file's name.
std::optional<uint64_t> kept_state_step(std::string_view name);

// Safetensors: "weights/NAME" and "velocity/NAME" (F32) for each parameter.
Result<Bytes> write_kept_state(const training::Training& training, const training::State& state);
// From hostile bytes: the state after `step` steps, if it is this job's. Codes:
// parse_safetensors's, "state_version", "state_form" (naming the tensor or the member of the
// metadata).
Result<std::unique_ptr<training::State>> read_kept_state(const training::Training& training,
                                                         uint64_t step,
                                                         ByteView file);
// No kept state of the job's is larger.
uint64_t max_kept_state_bytes(const training::Training& training);

}  // namespace ginn::worker
