#include "training/contribution.h"

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
              Contribution& out) {
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
    std::memcpy(q, from, 2 * parameter.count);
    from += 2 * parameter.count;
    out.exponents[p] = exponent;
    const int32_t largest = maps.maxabs_i16(q, parameter.count);
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
                 const device::MapKernels& maps,
                 const Contribution& contribution,
                 Wide limit) {
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph.parameters()[p];
    if (parameter.frozen) continue;
    const uint64_t squares = maps.norm2(contribution.q.data() + parameter.offset, parameter.count);
    const int shift = 2 * (contribution.exponents[p] + kGridShift);  // 0 to 120
    if (squares > (limit >> shift)) return false;
    limit -= static_cast<Wide>(squares) << shift;
  }
  return true;
}

Status clip(const nn::Graph& graph,
            const device::MapKernels& maps,
            std::span<const float> gradients,
            double clip_norm,
            Contribution& out) {
  GINN_CHECK(gradients.size() == graph.parameter_count());
  double norm2 = 0.0;
  std::vector<float> largest(graph.parameters().size());
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph.parameters()[p];
    if (parameter.frozen) continue;
    const float* g = gradients.data() + parameter.offset;
    largest[p] = from_magnitude(maps.maxabs_f32(g, parameter.count));
    const auto exponent = fit_contribution(largest[p]);
    if (!exponent) return nn::not_finite(parameter.name, "the gradient");
    const uint64_t squares = maps.ceil_norm2(g, parameter.count, pow2f(-*exponent));
    norm2 = norm2 + static_cast<double>(squares) * pow2(2 * *exponent);
  }
  const float factor = clip_factor(norm2, clip_norm);
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph.parameters()[p];
    if (parameter.frozen) continue;
    const auto exponent = fit_contribution(largest[p] * factor);
    GINN_CHECK(exponent.has_value());  // factor <= 1
    out.exponents[p] = static_cast<int8_t>(*exponent);
    maps.truncate(gradients.data() + parameter.offset,
                  parameter.count,
                  factor,
                  pow2f(-*exponent),
                  out.q.data() + parameter.offset);
  }
  return ok_status();
}

}  // namespace ginn::training
