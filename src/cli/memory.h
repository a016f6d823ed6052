#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "training/training.h"

namespace ginn::cli {

// Bytes that a side of a run takes at its peak, from the network's sizes alone: an estimate, for
// saying before a run whether it fits.
struct MemoryNeed {
  uint64_t shared = 0;      // weights, velocities, sums, packed weights, small contributions
  uint64_t per_thread = 0;  // values, gradients and working memory of one microbatch
  uint64_t total(uint64_t threads) const { return shared + threads * per_thread; }
};
// Besides the records, which it holds already. Without `hands_over` nobody takes its contributions:
// they are summed as they come into being.
MemoryNeed worker_memory(const training::Training& training, bool hands_over = true);
// With one step's snapshot under replay; its threads are those that replay.
MemoryNeed verifier_memory(const training::Training& training);

// What this process may still take: the smallest of the machine's available memory, the limits of
// its control group (version 2) and of its address space that can be read.
std::optional<uint64_t> available_memory();

// Code "not_enough_memory" when `need` is above what is available.
Status check_memory(uint64_t need);

}  // namespace ginn::cli
