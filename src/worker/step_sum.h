#pragma once

#include <mutex>
#include <vector>

#include "training/contribution.h"

namespace ginn::worker {

// The sum of a step's contributions in 32 bits an element, half of what State's own takes.
//
// A tensor's exponents differ little from microbatch to microbatch: pieces of it are summed at an
// exponent just below that of the first contribution to arrive, exactly. A piece that meets an
// exponent for which 32 bits may not do goes on in 64, on the grid of 2^-40.
class StepSum {
 public:
  // Of `contributions` a step.
  StepSum(const nn::Graph& graph, const device::MapKernels& maps, uint32_t contributions);

  // Adds elements [first, first + count) of a parameter's contribution; any thread, in any order.
  void add(size_t parameter, size_t first, const int16_t* q, size_t count, int exponent);
  void add(const training::Contribution& contribution);
  // The sum of these elements on the grid of 2^-40 (training::SumSource), once: it is taken away.
  void take(size_t parameter, size_t first, size_t count, int64_t* out);
  void clear();  // after all was taken: for the next step

 private:
  struct Piece {
    std::mutex mutex;
    int32_t* sums = nullptr;
    size_t count = 0;
    bool empty = true;
    int exponent = kMinContributionExponent;  // of the sums
    device::Buffer<int64_t> wide;             // instead of them, where 32 bits do not do
  };
  void widen(Piece& piece);
  // Calls body(piece, first, count) for the part that a stretch has of each piece.
  template <typename Body>
  void for_pieces(size_t parameter, size_t first, size_t count, const Body& body);

  const nn::Graph& graph_;
  const device::MapKernels& maps_;
  int room_;  // bits that a contribution may be shifted up by
  device::Buffer<int32_t> sums_;
  std::vector<size_t> first_piece_;  // by parameter
  std::vector<Piece> pieces_;
};

}  // namespace ginn::worker
