#include <algorithm>

#include "device/cpu/plan.h"

namespace ginn::device::cpu {

namespace {

uint64_t square(int16_t q) { return static_cast<uint64_t>(int32_t{q} * q); }

void raise(Norms& norms, const Norms& other) {
  norms.full = std::max(norms.full, other.full);
  norms.row = std::max(norms.row, other.row);
  norms.tap = std::max(norms.tap, other.tap);
  norms.chunk = std::max(norms.chunk, other.chunk);
}

Norms fprop_norms(const ConvShape& shape, const int16_t* q) {
  Norms norms;
  const int64_t c_count = shape.c;
  for (uint32_t k = 0; k < shape.k; ++k) {
    uint64_t full = 0;
    for (uint32_t r = 0; r < shape.kernel_h; ++r) {
      uint64_t row = 0;
      for (uint32_t s = 0; s < shape.kernel_w; ++s, q += c_count) {
        uint64_t tap = 0;
        for (int64_t c = 0; c < c_count; c += kChunk) {
          uint64_t chunk = 0;
          const int64_t end = std::min(c + kChunk, c_count);
          for (int64_t i = c; i < end; ++i) chunk += square(q[i]);
          norms.chunk = std::max(norms.chunk, chunk);
          tap += chunk;
        }
        norms.tap = std::max(norms.tap, tap);
        row += tap;
      }
      norms.row = std::max(norms.row, row);
      full += row;
    }
    norms.full = std::max(norms.full, full);
  }
  return norms;
}

Norms dgrad_norms(const ConvShape& shape, const int16_t* q) {
  Norms norms;
  const size_t channels = shape.c;
  const size_t filter = channels * shape.kernel_h * shape.kernel_w;
  std::vector<uint64_t> full(channels), row(channels), tap(channels), chunk(channels);
  const auto add = [&](std::vector<uint64_t>& part, uint64_t& bound, std::vector<uint64_t>& whole) {
    for (size_t c = 0; c < channels; ++c) {
      bound = std::max(bound, part[c]);
      whole[c] += part[c];
      part[c] = 0;
    }
  };
  std::vector<uint64_t> none(channels);
  for (uint32_t r = 0; r < shape.kernel_h; ++r) {
    for (uint32_t s = 0; s < shape.kernel_w; ++s) {
      const int16_t* at = q + (size_t{r} * shape.kernel_w + s) * channels;
      for (uint32_t k = 0; k < shape.k; ++k) {
        const int16_t* w = at + k * filter;
        for (size_t c = 0; c < channels; ++c) chunk[c] += square(w[c]);
        if ((k + 1) % kChunk == 0 || k + 1 == shape.k) add(chunk, norms.chunk, tap);
      }
      add(tap, norms.tap, row);
    }
    add(row, norms.row, full);
  }
  add(full, norms.full, none);
  return norms;
}

// sums[c] += the squares of channel c in a chunk of filters; returns the largest of the chunk.
uint64_t add_squares(const int16_t* q, int64_t filters, std::vector<uint64_t>& sums) {
  const size_t channels = sums.size();
  std::vector<uint64_t> chunk(channels);
  for (int64_t k = 0; k < filters; ++k, q += channels) {
    for (size_t c = 0; c < channels; ++c) chunk[c] += square(q[c]);
  }
  for (size_t c = 0; c < channels; ++c) sums[c] += chunk[c];
  return *std::max_element(chunk.begin(), chunk.end());
}

}  // namespace

void WeightNorms::add(const Filters& filters) {
  ConvShape part = shape_;
  part.k = static_cast<uint32_t>(filters.count);
  raise(fprop_, fprop_norms(part, filters.q));
  if (!is_pointwise(shape_)) {
    dgrad_ = dgrad_norms(shape_, filters.q);
    return;
  }
  channels_.resize(shape_.c);
  for (int64_t k = 0; k < filters.count; k += kChunk) {
    const int64_t count = std::min(kChunk, filters.count - k);
    dgrad_.chunk = std::max(dgrad_.chunk, add_squares(filters.q + k * shape_.c, count, channels_));
  }
}

void WeightNorms::add(const WeightNorms& others) {
  raise(fprop_, others.fprop_);
  raise(dgrad_, others.dgrad_);
  channels_.resize(std::max(channels_.size(), others.channels_.size()));
  for (size_t c = 0; c < others.channels_.size(); ++c) channels_[c] += others.channels_[c];
}

Norms WeightNorms::dgrad() const {
  Norms norms = dgrad_;
  if (!channels_.empty()) {
    norms.full = norms.row = norms.tap = *std::max_element(channels_.begin(), channels_.end());
  }
  return norms;
}

}  // namespace ginn::device::cpu
