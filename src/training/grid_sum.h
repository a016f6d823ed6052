#pragma once

#include <vector>

#include "base/bytes.h"
#include "training/contribution.h"

namespace ginn::training {

// The sum of a step's contributions on the grid of 2^-40, as the trusted side takes them in.
//
// Contributions of small networks are held as they came until several are added in one pass: the
// sums, four times as large, are then seldom written, or, where all of a step are held, never.
class GridSum {
 public:
  // Of `contributions` a step. `graph` outlives this.
  GridSum(const nn::Graph& graph, uint32_t contributions);

  // Where the next contribution is put together; add() takes what stands there.
  Contribution& incoming();
  void add(const device::MapKernels& maps);
  uint32_t taken() const { return taken_; }
  // The sum of elements [first, first + count) of a parameter; of none: zeros.
  void sum(const device::MapKernels& maps,
           size_t parameter,
           size_t first,
           size_t count,
           int64_t* out) const;
  void clear();  // for the next step

  // All of it, in int64, for restore(): the sum of `taken` contributions, or empty when that is 0.
  Bytes saved(const device::MapKernels& maps) const;
  void restore(uint32_t taken, ByteView sums);

 private:
  // out = (set) or += what is held; of nothing held: as it is.
  void add_held(const device::MapKernels& maps,
                size_t parameter,
                size_t first,
                size_t count,
                bool set,
                int64_t* out) const;
  void fold(const device::MapKernels& maps);

  const nn::Graph& graph_;
  const uint32_t contributions_;
  const size_t room_;  // contributions held at most
  std::vector<Contribution> held_;
  size_t held_count_ = 0;
  device::Buffer<int64_t> folded_;  // unit 2^-40; made when something is added
  bool has_folded_ = false;         // something of this step
  uint32_t taken_ = 0;
};

}  // namespace ginn::training
