#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace ginn::data {

enum class LastBatch { kDrop, kCarry };

// Which record stands at a position of a step: a function of (seed, step, position). Epoch e has
// its own permutation: Fisher-Yates from the top, swap(i, Random(seed, kOrder).bounded(e, i, i +
// 1)) for i = records - 1 .. 1. kDrop: an epoch is floor(records / batch) steps, the rest is left
// out. kCarry: position step * batch + i runs over the epochs' permutations laid end to end.
class BatchOrder {
 public:
  // records < 2^31; records >= batch when kDrop.
  BatchOrder(uint64_t seed, uint64_t records, uint32_t batch, LastBatch last_batch);

  // Whole steps of `epochs` epochs. kCarry: what does not fill a last step is left out.
  uint64_t steps_per_epochs(uint32_t epochs) const;
  // Thread-safe; keeps the two permutations used last.
  uint32_t record(uint64_t step, uint32_t position) const;

 private:
  using Permutation = std::vector<uint32_t>;
  std::shared_ptr<const Permutation> permutation(uint64_t epoch) const;

  uint64_t seed_;
  uint64_t records_;
  uint32_t batch_;
  LastBatch last_batch_;
  mutable std::mutex mutex_;
  mutable std::vector<std::pair<uint64_t, std::shared_ptr<const Permutation>>> cache_;
};

}  // namespace ginn::data
