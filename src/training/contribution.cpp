#include "training/contribution.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "arithmetic/format.h"
#include "base/text.h"
#include "nn/run.h"

namespace ginn::training {
namespace {

constexpr int kGridShift = -kMinContributionExponent;  // 40

float round_toward_zero(double x) {
  float f = static_cast<float>(x);
  if (static_cast<double>(f) > x) f = std::bit_cast<float>(std::bit_cast<uint32_t>(f) - 1);
  return f;
}

// The factor f of section 7: 1, or just below C / norm.
float clip_factor(double norm2, double clip_norm) {
  if (norm2 == 0.0) return 1.0f;
  const double r = (clip_norm / std::sqrt(norm2)) * (1.0 - pow2(-20));
  return r >= 1.0 ? 1.0f : round_toward_zero(r);
}

}  // namespace

Contribution::Contribution(const nn::Graph& graph)
    : exponents(graph.parameters().size(), kMinContributionExponent), q(graph.parameter_count()) {}

bool Contribution::operator==(const Contribution& other) const {
  return exponents == other.exponents && q.size() == other.q.size() &&
         std::memcmp(q.data(), other.q.data(), q.size() * sizeof(int16_t)) == 0;
}

size_t encoded_size(const nn::Graph& graph) {
  size_t bytes = 2 * graph.trainable_count();
  for (const nn::Parameter& parameter : graph.parameters()) bytes += parameter.frozen ? 0 : 1;
  return bytes;
}

void encode(const nn::Graph& graph, const Contribution& contribution, std::span<uint8_t> out) {
  GINN_CHECK(out.size() == encoded_size(graph));
  uint8_t* to = out.data();
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph.parameters()[p];
    if (parameter.frozen) continue;
    *to++ = static_cast<uint8_t>(contribution.exponents[p]);
    std::memcpy(to, contribution.q.data() + parameter.offset, 2 * parameter.count);
    to += 2 * parameter.count;
  }
}

Status decode(const nn::Graph& graph,
              const device::MapKernels& maps,
              ByteView bytes,
              Contribution& out,
              std::span<uint64_t> squares) {
  GINN_CHECK(squares.size() == graph.parameters().size());
  if (bytes.size() != encoded_size(graph)) {
    return refused(
        "contribution_length",
        concat("a contribution has ", encoded_size(graph), " bytes, found ", bytes.size()));
  }
  const uint8_t* from = bytes.data();
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph.parameters()[p];
    if (parameter.frozen) continue;
    const int8_t exponent = static_cast<int8_t>(*from++);
    if (exponent < kMinContributionExponent || exponent > kMaxContributionExponent) {
      return refused("contribution_exponent",
                     concat("tensor ",
                            parameter.name,
                            ": exponent ",
                            static_cast<int>(exponent),
                            " is outside [",
                            kMinContributionExponent,
                            ", ",
                            kMaxContributionExponent,
                            "]"));
    }
    int16_t* q = out.q.data() + parameter.offset;
    int32_t largest = 0;
    squares[p] = maps.unpack(from, parameter.count, q, &largest);
    from += 2 * parameter.count;
    out.exponents[p] = exponent;
    if (largest > kDfp16Max) {
      return refused("contribution_integer",
                     concat("tensor ", parameter.name, ": -32768 is not a dfp16 integer"));
    }
    if (largest == 0 && exponent != kMinContributionExponent) {
      return refused("contribution_zero_exponent",
                     concat("tensor ",
                            parameter.name,
                            " is all zero: its exponent must be ",
                            kMinContributionExponent,
                            ", found ",
                            static_cast<int>(exponent)));
    }
  }
  return ok_status();
}

Status decode(const nn::Graph& graph,
              const device::MapKernels& maps,
              ByteView bytes,
              Contribution& out) {
  std::vector<uint64_t> squares(graph.parameters().size());
  return decode(graph, maps, bytes, out, squares);
}

Wide norm_limit(double clip_norm) {
  GINN_CHECK(clip_norm > 0.0 && clip_norm <= 4194304.0);
  int exponent = 0;
  const double fraction = std::frexp(clip_norm, &exponent);        // exact
  const Wide m = static_cast<uint64_t>(std::ldexp(fraction, 53));  // below 2^53
  const int shift = 2 * (exponent - 53) + 2 * kGridShift;
  if (shift >= 0) return (m * m) << shift;  // below 2^124, since C <= 2^22
  return -shift >= 128 ? Wide{0} : (m * m) >> -shift;
}

bool norm_within(const nn::Graph& graph,
                 std::span<const int8_t> exponents,
                 std::span<const uint64_t> squares,
                 Wide limit) {
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    if (graph.parameters()[p].frozen) continue;
    const int shift = 2 * (exponents[p] + kGridShift);  // 0 to 120
    if (squares[p] > (limit >> shift)) return false;
    limit -= static_cast<Wide>(squares[p]) << shift;
  }
  return true;
}

bool norm_within(const nn::Graph& graph,
                 const device::MapKernels& maps,
                 const Contribution& contribution,
                 Wide limit) {
  std::vector<uint64_t> squares(graph.parameters().size());
  for (size_t p = 0; p < squares.size(); ++p) {
    const nn::Parameter& parameter = graph.parameters()[p];
    if (parameter.frozen) continue;
    squares[p] = maps.norm2(contribution.q.data() + parameter.offset, parameter.count);
  }
  return norm_within(graph, contribution.exponents, squares, limit);
}

// The norm needs the tensor's exponent, which needs its largest gradient: a gradient that comes in
// stretches is measured in one pass at the exponent that the last microbatch had, and again only
// where that is another.
Status Clip::measure_tensor(const GradientSource& gradients, size_t p, double& norm2) {
  const nn::Parameter& parameter = graph_.parameters()[p];
  Tensor& tensor = tensors_[p];
  uint32_t largest = 0;
  uint64_t squares = 0;
  int exponent = tensor.exponent;
  bool fits = true;
  gradients(p, [&](size_t, const float* g, size_t count) {
    const uint32_t most = maps_.maxabs_f32(g, count);
    largest = std::max(largest, most);
    if (count == parameter.count) {
      exponent = fit_contribution(from_magnitude(most)).value_or(kMinContributionExponent);
    }
    fits = fits && from_magnitude(most) * pow2f(-exponent) <= static_cast<float>(kDfp16Max);
    if (fits) squares += maps_.ceil_norm2(g, count, pow2f(-exponent));
  });
  tensor.largest = from_magnitude(largest);
  const auto exact = fit_contribution(tensor.largest);
  if (!exact) return nn::not_finite(parameter.name, "the gradient");
  tensor.exponent = *exact;
  if (!fits || exponent != *exact) {
    squares = 0;
    gradients(p, [&](size_t, const float* g, size_t count) {
      squares += maps_.ceil_norm2(g, count, pow2f(-*exact));
    });
  }
  norm2 = norm2 + static_cast<double>(squares) * pow2(2 * *exact);
  return ok_status();
}

Status Clip::measure(const GradientSource& gradients, double clip_norm) {
  double norm2 = 0.0;
  for (size_t p = 0; p < tensors_.size(); ++p) {
    if (!graph_.parameters()[p].frozen) GINN_TRY(measure_tensor(gradients, p, norm2));
  }
  factor_ = clip_factor(norm2, clip_norm);
  for (size_t p = 0; p < tensors_.size(); ++p) {
    if (graph_.parameters()[p].frozen) continue;
    const auto exponent = fit_contribution(tensors_[p].largest * factor_);
    GINN_CHECK(exponent.has_value());  // factor <= 1
    exponents_[p] = static_cast<int8_t>(*exponent);
  }
  return ok_status();
}

void Clip::quantise(const GradientSource& gradients, size_t p, const TakeIntegers& take) const {
  constexpr size_t kBlock = 2048;  // within the first cache
  const float scale = pow2f(-exponents_[p]);
  gradients(p, [&](size_t first, const float* g, size_t count) {
    int16_t block[kBlock];
    for (size_t at = 0; at < count; at += kBlock) {
      const size_t n = std::min(kBlock, count - at);
      maps_.truncate(g + at, n, factor_, scale, block);
      take(first + at, block, n);
    }
  });
}

void Clip::quantise(const GradientSource& gradients, Contribution& out) const {
  for (size_t p = 0; p < tensors_.size(); ++p) {
    const nn::Parameter& parameter = graph_.parameters()[p];
    if (parameter.frozen) continue;
    out.exponents[p] = exponents_[p];
    int16_t* q = out.q.data() + parameter.offset;
    gradients(p, [&](size_t first, const float* g, size_t count) {
      maps_.truncate(g, count, factor_, pow2f(-exponents_[p]), q + first);
    });
  }
}

Status clip(const nn::Graph& graph,
            const device::MapKernels& maps,
            std::span<const float> gradients,
            double clip_norm,
            Contribution& out) {
  GINN_CHECK(gradients.size() == graph.parameter_count());
  const GradientSource source = [&](size_t p, const nn::TakeGradient& take) {
    const nn::Parameter& parameter = graph.parameters()[p];
    take(0, gradients.data() + parameter.offset, parameter.count);
  };
  Clip clip(graph, maps);
  GINN_TRY(clip.measure(source, clip_norm));
  clip.quantise(source, out);
  return ok_status();
}

}  // namespace ginn::training
