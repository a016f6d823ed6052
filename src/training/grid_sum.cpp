#include "training/grid_sum.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace ginn::training {
namespace {

constexpr size_t kHeldBytes = size_t{4} << 20;
constexpr size_t kMostHeld = 8;

size_t room_for(const nn::Graph& graph, uint32_t contributions) {
  const size_t each = std::max<size_t>(graph.parameter_count() * sizeof(int16_t), 1);
  const size_t most = std::min<size_t>(contributions, kMostHeld);
  return std::clamp<size_t>(kHeldBytes / each, 1, std::max<size_t>(most, 1));
}

}  // namespace

GridSum::GridSum(const nn::Graph& graph, uint32_t contributions)
    : graph_(graph), contributions_(contributions), room_(room_for(graph, contributions)) {}

Contribution& GridSum::incoming() {
  if (held_count_ == held_.size()) held_.emplace_back(graph_);
  return held_[held_count_];
}

void GridSum::add(const device::MapKernels& maps) {
  GINN_CHECK(taken_ < contributions_ && held_count_ < held_.size());
  ++held_count_;
  ++taken_;
  const bool all_held = taken_ == contributions_ && room_ >= contributions_;
  if (held_count_ == room_ && !all_held) fold(maps);
}

// |q 2^(e + 40)| <= C 2^40 after the norm test, and M C <= 2^22: the sum stays below 2^63.
void GridSum::add_held(const device::MapKernels& maps,
                       size_t parameter,
                       size_t first,
                       size_t count,
                       bool set,
                       int64_t* out) const {
  const size_t at = graph_.parameters()[parameter].offset + first;
  for (size_t i = 0; i < held_count_; ++i) {
    const int shift = held_[i].exponents[parameter] - kMinContributionExponent;
    (set && i == 0 ? maps.set_sum : maps.accumulate)(held_[i].q.data() + at, count, shift, out);
  }
}

void GridSum::sum(const device::MapKernels& maps,
                  size_t parameter,
                  size_t first,
                  size_t count,
                  int64_t* out) const {
  if (has_folded_) {
    const size_t at = graph_.parameters()[parameter].offset + first;
    std::memcpy(out, folded_.data() + at, count * sizeof *out);
  } else if (held_count_ == 0) {
    std::memset(out, 0, count * sizeof *out);
  }
  add_held(maps, parameter, first, count, !has_folded_, out);
}

void GridSum::fold(const device::MapKernels& maps) {
  if (folded_.size() == 0) folded_ = device::Buffer<int64_t>(graph_.parameter_count());
  for (size_t p = 0; p < graph_.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph_.parameters()[p];
    if (parameter.frozen) continue;
    add_held(maps, p, 0, parameter.count, !has_folded_, folded_.data() + parameter.offset);
  }
  has_folded_ = true;
  held_count_ = 0;
}

void GridSum::clear() {
  held_count_ = 0;
  has_folded_ = false;
  taken_ = 0;
}

Bytes GridSum::saved(const device::MapKernels& maps) const {
  if (taken_ == 0) return {};
  Bytes bytes(graph_.parameter_count() * sizeof(int64_t));
  auto* sums = reinterpret_cast<int64_t*>(bytes.data());
  for (size_t p = 0; p < graph_.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph_.parameters()[p];
    if (!parameter.frozen) sum(maps, p, 0, parameter.count, sums + parameter.offset);
  }
  return bytes;
}

void GridSum::restore(uint32_t taken, ByteView sums) {
  GINN_CHECK(taken < contributions_ || taken == 0);
  GINN_CHECK(sums.size() == (taken > 0 ? graph_.parameter_count() * sizeof(int64_t) : 0));
  clear();
  taken_ = taken;
  if (taken == 0) return;
  folded_ = device::Buffer<int64_t>(graph_.parameter_count());
  std::memcpy(folded_.data(), sums.data(), sums.size());
  has_folded_ = true;
}

}  // namespace ginn::training
