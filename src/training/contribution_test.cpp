#include "training/contribution.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "arithmetic/format.h"
#include "arithmetic/philox.h"
#include "nn/models.h"

namespace ginn::training {
namespace {

const nn::Graph& graph() {
  static const nn::Graph graph = nn::build_model("lenet", 12, 12, 1, 4).value();
  return graph;
}
const device::MapKernels& maps() { return device::map_kernels(device::Level::kPortable); }

// One integer of 1 in every tensor, so that no exponent is free to be anything.
Contribution ones() {
  Contribution c(graph());
  for (size_t p = 0; p < graph().parameters().size(); ++p) {
    c.q[graph().parameters()[p].offset] = 1;
    c.exponents[p] = static_cast<int8_t>(-20 + static_cast<int>(p));
  }
  return c;
}
Bytes encoded(const Contribution& c) {
  Bytes bytes(encoded_size(graph()));
  encode(graph(), c, bytes);
  return bytes;
}
Error decode_error(ByteView bytes) {
  Contribution out(graph());
  const Status status = decode(graph(), maps(), bytes, out);
  return status.ok() ? Error{} : status.error();
}

TEST(Encoding, LayoutAndBack) {
  Contribution c = ones();
  c.q[1] = -2;
  const Bytes bytes = encoded(c);
  EXPECT_EQ(bytes.size(), graph().parameters().size() + 2 * graph().parameter_count());
  const Bytes begin = {static_cast<uint8_t>(-20), 1, 0, 0xfe, 0xff, 0, 0};
  EXPECT_EQ(Bytes(bytes.begin(), bytes.begin() + 7), begin);
  const size_t second = 1 + 2 * graph().parameters()[0].count;
  EXPECT_EQ(bytes[second], static_cast<uint8_t>(-19));
  Contribution out(graph());
  ASSERT_TRUE(decode(graph(), maps(), bytes, out).ok());
  EXPECT_TRUE(out == c);
  out.q[1] = -1;
  EXPECT_FALSE(out == c);
  out.q[1] = -2;
  ++out.exponents[0];
  EXPECT_FALSE(out == c);
}

TEST(Encoding, Length) {
  const Bytes good = encoded(ones());
  for (size_t length : {size_t{0}, size_t{1}, good.size() - 1}) {
    EXPECT_STREQ(decode_error(ByteView(good).first(length)).code, "contribution_length");
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_STREQ(decode_error(longer).code, "contribution_length");
}

TEST(Encoding, FormOfEveryTensor) {
  size_t at = 0;
  for (const nn::Parameter& p : graph().parameters()) {
    for (int bad : {-128, -41, 21, 127}) {
      Bytes bytes = encoded(ones());
      bytes[at] = static_cast<uint8_t>(bad);
      const Error error = decode_error(bytes);
      EXPECT_STREQ(error.code, "contribution_exponent") << p.name << " " << bad;
      EXPECT_NE(error.message.find(p.name), std::string::npos);
    }
    for (int good : {-40, 20}) {
      Bytes bytes = encoded(ones());
      bytes[at] = static_cast<uint8_t>(good);
      EXPECT_STREQ(decode_error(bytes).code, "");
    }
    // The last integer of the tensor.
    Contribution c = ones();
    c.q[p.offset + p.count - 1] = -32768;
    EXPECT_STREQ(decode_error(encoded(c)).code, "contribution_integer") << p.name;
    c.q[p.offset + p.count - 1] = -32767;
    EXPECT_STREQ(decode_error(encoded(c)).code, "");
    c = ones();
    c.q[p.offset] = 0;
    const Error zero = decode_error(encoded(c));
    EXPECT_STREQ(zero.code, "contribution_zero_exponent") << p.name;
    EXPECT_NE(zero.message.find(p.name), std::string::npos);
    at += 1 + 2 * p.count;
  }
}

TEST(Norm, LimitIsTheFloorOfTheSquare) {
  const Wide one = Wide{1} << 80;
  EXPECT_TRUE(norm_limit(1.0) == one);
  EXPECT_TRUE(norm_limit(0.5) == one / 4);
  EXPECT_TRUE(norm_limit(1.5) == one / 4 * 9);
  EXPECT_TRUE(norm_limit(4194304.0) == one << 44);
  EXPECT_TRUE(norm_limit(std::ldexp(1.0, -40)) == 1);
  EXPECT_TRUE(norm_limit(std::ldexp(3.0, -41)) == 2) << "floor(2.25)";
  EXPECT_TRUE(norm_limit(std::ldexp(1.0, -41)) == 0);
  EXPECT_TRUE(norm_limit(std::numeric_limits<double>::denorm_min()) == 0);
}

TEST(Norm, ExactAtTheLimit) {
  // 3, 4 and 5 in units of 2^-13, in two tensors of different exponents.
  Contribution c(graph());
  const auto& parameters = graph().parameters();
  c.q[parameters[0].offset] = -3 * 4;
  c.exponents[0] = -15;
  c.q[parameters[2].offset + 1] = 4 * 16;
  c.exponents[2] = -17;
  const Wide limit = norm_limit(std::ldexp(5.0, -13));
  EXPECT_TRUE(norm_within(graph(), maps(), c, limit));
  EXPECT_FALSE(norm_within(graph(), maps(), c, limit - 1));
  // The smallest value that the format has is one too many.
  c.q[parameters[5].offset] = 1;
  EXPECT_FALSE(norm_within(graph(), maps(), c, limit));
  EXPECT_TRUE(norm_within(graph(), maps(), c, limit + 1));
}

TEST(Norm, NothingOverflows) {
  Contribution c(graph());
  for (size_t i = 0; i < c.q.size(); ++i) c.q[i] = -32767;
  for (int8_t& exponent : c.exponents) exponent = 20;
  EXPECT_FALSE(norm_within(graph(), maps(), c, norm_limit(4194304.0)));
  for (int8_t& exponent : c.exponents) exponent = -40;
  EXPECT_TRUE(norm_within(graph(), maps(), c, norm_limit(1.0)));
  EXPECT_FALSE(norm_within(graph(), maps(), c, 0));
}

// Gradients of a given scale, the tensors' own scales spread over `spread` powers of two.
std::vector<float> gradients(uint64_t seed, int scale, uint32_t spread) {
  const Random random(seed, Purpose::kDropout);
  std::vector<float> g(graph().parameter_count());
  for (const nn::Parameter& p : graph().parameters()) {
    const int own = scale - static_cast<int>(random.block(p.offset, 1, 0)[0] % spread);
    for (size_t i = 0; i < p.count; ++i) {
      const uint32_t word = random.block(p.offset + i, 0, 0)[0];
      g[p.offset + i] = std::ldexp(static_cast<float>(word) / 4294967296.0f - 0.5f, own);
    }
  }
  return g;
}

double norm(const Contribution& c) {
  double squares = 0;
  for (size_t p = 0; p < graph().parameters().size(); ++p) {
    const nn::Parameter& parameter = graph().parameters()[p];
    for (size_t i = 0; i < parameter.count; ++i) {
      squares += std::pow(std::ldexp(c.q[parameter.offset + i], c.exponents[p]), 2);
    }
  }
  return std::sqrt(squares);
}

TEST(Clip, AlwaysPassesTheTestAndIsClose) {
  Contribution c(graph());
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const int scale = static_cast<int>(seed) - 14;
    const double clip_norm =
        std::ldexp(1.0 + 0.013 * static_cast<double>(seed), static_cast<int>(seed % 7) - 3);
    const auto g = gradients(seed, scale, 1 + static_cast<uint32_t>(seed % 12));
    ASSERT_TRUE(clip(graph(), maps(), g, clip_norm, c).ok());
    EXPECT_TRUE(norm_within(graph(), maps(), c, norm_limit(clip_norm))) << seed;
    double squares = 0;
    for (float x : g) squares += static_cast<double>(x) * x;
    const double expected = std::min(clip_norm, std::sqrt(squares));
    EXPECT_NEAR(norm(c) / expected, 1.0, 1e-3) << seed;
    EXPECT_STREQ(decode_error(encoded(c)).code, "") << "an honest form, too";
  }
}

TEST(Clip, NeverRoundsUpToAnInteger) {
  // C lies just below a multiple of the contribution's unit: a factor that is a hair too large
  // would reach the multiple, and an honest worker would be refused.
  std::vector<float> g(graph().parameter_count(), 0.0f);
  g[0] = 1.0f;
  Contribution c(graph());
  for (int k = 16385; k < 32767; k += 97) {
    for (double below : {0.01, 1e-3, 1e-6, 0.0}) {
      const double clip_norm = std::ldexp(k - below, -15);
      ASSERT_TRUE(clip(graph(), maps(), g, clip_norm, c).ok());
      EXPECT_EQ(c.q[0], k - 1);
      ASSERT_TRUE(norm_within(graph(), maps(), c, norm_limit(clip_norm))) << k << " " << below;
    }
  }
}

TEST(Clip, BelowTheLimitOnlyRounds) {
  std::vector<float> g(graph().parameter_count(), 0.0f);
  g[0] = 1.0f;
  g[1] = -0.6f;
  Contribution c(graph());
  ASSERT_TRUE(clip(graph(), maps(), g, 8.0, c).ok());
  EXPECT_EQ(c.exponents[0], -14);  // 32767 2^-15 is just below 1
  EXPECT_EQ(c.q[0], 16384);
  EXPECT_EQ(c.q[1], -9830) << "9830.4, toward zero";
}

TEST(Clip, ZeroHasOneForm) {
  const std::vector<float> g(graph().parameter_count(), 0.0f);
  Contribution c = ones();
  ASSERT_TRUE(clip(graph(), maps(), g, 1.0, c).ok());
  EXPECT_TRUE(c == Contribution(graph()));
  // What is too small for the format is zero, with zero's exponent.
  std::vector<float> tiny(graph().parameter_count(), std::ldexp(1.0f, -60));
  ASSERT_TRUE(clip(graph(), maps(), tiny, 1.0, c).ok());
  EXPECT_TRUE(c == Contribution(graph()));
}

TEST(Clip, NotFinite) {
  const nn::Parameter& p = graph().parameters()[3];
  Contribution c(graph());
  for (float bad : {std::numeric_limits<float>::infinity(),
                    -std::numeric_limits<float>::infinity(),
                    std::numeric_limits<float>::quiet_NaN(),
                    std::ldexp(1.0f, 36)}) {
    std::vector<float> g(graph().parameter_count(), 0.5f);
    g[p.offset + p.count - 1] = bad;
    const Status status = clip(graph(), maps(), g, 1.0, c);
    ASSERT_FALSE(status.ok()) << bad;
    EXPECT_STREQ(status.error().code, "not_finite");
    EXPECT_NE(status.error().message.find(p.name), std::string::npos);
  }
  std::vector<float> largest(graph().parameter_count(), 0.0f);
  largest[0] = std::ldexp(32767.0f, 20);
  EXPECT_TRUE(clip(graph(), maps(), largest, 1.0, c).ok());
}

}  // namespace
}  // namespace ginn::training
