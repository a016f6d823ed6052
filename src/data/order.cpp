#include "data/order.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "arithmetic/philox.h"
#include "base/check.h"

namespace ginn::data {

namespace {
constexpr size_t kCachedPermutations = 2;
}  // namespace

BatchOrder::BatchOrder(uint64_t seed, uint64_t records, uint32_t batch, LastBatch last_batch)
    : seed_(seed), records_(records), batch_(batch), last_batch_(last_batch) {
  GINN_CHECK(records >= 1 && records < uint64_t{1} << 31 && batch >= 1);
  GINN_CHECK(last_batch == LastBatch::kCarry || records >= batch);
}

uint64_t BatchOrder::steps_per_epochs(uint32_t epochs) const {
  if (last_batch_ == LastBatch::kDrop) return epochs * (records_ / batch_);
  return epochs * records_ / batch_;  // epochs * records_ < 2^63
}

uint32_t BatchOrder::record(uint64_t step, uint32_t position) const {
  GINN_CHECK(position < batch_);
  uint64_t epoch = 0;
  uint64_t index = 0;
  if (last_batch_ == LastBatch::kDrop) {
    const uint64_t steps = records_ / batch_;
    epoch = step / steps;
    index = step % steps * batch_ + position;  // < records_
  } else {
    GINN_CHECK(step <= (std::numeric_limits<uint64_t>::max() - position) / batch_);
    const uint64_t place = step * batch_ + position;
    epoch = place / records_;
    index = place % records_;
  }
  return (*permutation(epoch))[index];
}

std::shared_ptr<const BatchOrder::Permutation> BatchOrder::permutation(uint64_t epoch) const {
  // Held while a permutation is made: threads that need the same one wait for it.
  std::lock_guard lock(mutex_);
  const auto known = std::find_if(
      cache_.begin(), cache_.end(), [epoch](const auto& entry) { return entry.first == epoch; });
  if (known != cache_.end()) {
    std::rotate(cache_.begin(), known, known + 1);
    return cache_.front().second;
  }
  auto made = std::make_shared<Permutation>(records_);
  std::iota(made->begin(), made->end(), uint32_t{0});
  const Random random(seed_, Purpose::kOrder);
  for (uint32_t i = static_cast<uint32_t>(records_ - 1); i > 0; --i) {
    std::swap((*made)[i], (*made)[random.bounded(epoch, i, i + 1)]);
  }
  if (cache_.size() == kCachedPermutations) cache_.pop_back();
  cache_.emplace(cache_.begin(), epoch, std::move(made));
  return cache_.front().second;
}

}  // namespace ginn::data
