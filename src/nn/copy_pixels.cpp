#include "nn/copy_pixels.h"

#include <algorithm>

#include "arithmetic/format.h"
#include "nn/run.h"

namespace ginn::nn {
namespace {

struct State final : OperationState {
  std::vector<int32_t> sums;  // of gradients, one image at a time
};

// Position `at` of a row that goes on beyond its ends 0 and size - 1.
int64_t inside(PadMode mode, int64_t at, int64_t size) {
  switch (mode) {
    case PadMode::kReflect:
      return at < 0 ? -at : at < size ? at : 2 * (size - 1) - at;
    case PadMode::kReplicate:
      return std::clamp<int64_t>(at, 0, size - 1);
    case PadMode::kCircular:
      return at < 0 ? at + size : at < size ? at : at - size;
  }
  return 0;
}

}  // namespace

std::string_view CopyPixels::mode_name(PadMode mode) {
  switch (mode) {
    case PadMode::kReflect:
      return "reflect";
    case PadMode::kReplicate:
      return "replicate";
    case PadMode::kCircular:
      return "circular";
  }
  return "";
}

bool CopyPixels::pad_fits(PadMode mode, uint32_t size, uint32_t before, uint32_t after) {
  const uint32_t border = std::max(before, after);
  if (mode == PadMode::kReflect && border >= size) return false;
  if (mode == PadMode::kCircular && border > size) return false;
  return border <= kMostCopies;
}

std::vector<uint32_t> CopyPixels::padded(PadMode mode,
                                         uint32_t size,
                                         uint32_t before,
                                         uint32_t after) {
  std::vector<uint32_t> from;
  for (int64_t at = -int64_t{before}; at < int64_t{size} + after; ++at) {
    from.push_back(static_cast<uint32_t>(inside(mode, at, size)));
  }
  return from;
}

std::vector<uint32_t> CopyPixels::repeated(uint32_t size, uint32_t times) {
  std::vector<uint32_t> from;
  for (uint32_t at = 0; at < size; ++at) from.insert(from.end(), times, at);
  return from;
}

uint64_t CopyPixels::most_copies(const std::vector<uint32_t>& sources) {
  std::vector<uint64_t> copies(1 + *std::max_element(sources.begin(), sources.end()));
  for (const uint32_t source : sources) ++copies[source];
  return *std::max_element(copies.begin(), copies.end());
}

std::unique_ptr<OperationState> CopyPixels::make_state(const Run&) const {
  auto state = std::make_unique<State>();
  state->sums.resize(config_.in.count());
  return state;
}

Status CopyPixels::forward(Run& run, OperationState&) const {
  const Tensor& x = run.value(config_.input);
  Tensor& y = run.value(config_.output);
  const size_t c = config_.in.c;
  int16_t* out = y.q.data();
  for (size_t n = 0; n < run.images(); ++n) {
    const int16_t* image = x.q.data() + n * config_.in.count();
    for (const size_t row : config_.rows) {
      for (const size_t column : config_.columns) {
        out = std::copy_n(image + (row * config_.in.w + column) * c, c, out);
      }
    }
  }
  y.exponent = x.exponent;
  return ok_status();
}

Status CopyPixels::backward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  GINN_ASSIGN(Tensor * d, run.join(config_.output));
  Tensor& dx = run.make_gradient(config_.input);
  const size_t c = config_.in.c;
  const size_t in = config_.in.count();
  // |sum| <= kMostCopies * 32767 < 2^29.
  const int64_t bound = static_cast<int64_t>(config_.copies) *
                        run.maps().maxabs_i16(d->q.data(), run.count(config_.output));
  const int shift = range_shift(bound, kDfp16Max);
  const int16_t* from = d->q.data();
  for (size_t n = 0; n < run.images(); ++n) {
    std::fill_n(state.sums.begin(), in, 0);
    for (const size_t row : config_.rows) {
      for (const size_t column : config_.columns) {
        run.maps().add_into(from, c, state.sums.data() + (row * config_.in.w + column) * c);
        from += c;
      }
    }
    run.maps().narrow(state.sums.data(), in, shift, dx.q.data() + n * in);
  }
  dx.exponent = d->exponent + shift;
  run.send(config_.input, dx);
  return ok_status();
}

}  // namespace ginn::nn
