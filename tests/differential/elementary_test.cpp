// Elementary functions: the engine's against the oracle's bit for bit, and both against libm in
// f64.
#include "arithmetic/elementary.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>

#include "tests/oracle/oracle.h"

namespace ginn {
namespace {

struct Function {
  const char* name;
  float (*engine)(float);
  float (*oracle)(float);
  double (*real)(double);
  double ulp_max;  // where the result is normal
};

double real_exp(double x) { return std::exp(x); }
double real_log(double x) { return std::log(x); }
const Function kExp = {"exp", exp_f32, oracle::exp, real_exp, 1.02};
const Function kLog = {"log", log_f32, oracle::log, real_log, 1.0};

double real_sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double real_tanh(double x) { return std::tanh(x); }
double real_erf(double x) { return std::erf(x); }
const Function kSigmoid = {"sigmoid", sigmoid_f32, oracle::sigmoid, real_sigmoid, 2.5};
const Function kTanh = {"tanh", tanh_f32, oracle::tanh, real_tanh, 2.0};
const Function kErf = {"erf", erf_f32, oracle::erf, real_erf, 2.5};

uint32_t canonical_bits(float x) { return x != x ? 0x7fc00000u : std::bit_cast<uint32_t>(x); }

double ulp_of(double x) {
  int exponent = 0;
  std::frexp(x, &exponent);
  return std::ldexp(1.0, exponent - 24);
}

// Error in ulp of the f32 result, 0 where either is not a normal number.
double error_ulp(const Function& f, float x, float result) {
  const double real = f.real(static_cast<double>(x));
  if (!std::isnormal(result) || !std::isfinite(real) || std::fabs(real) < 1.1754944e-38) return 0.0;
  return std::fabs(static_cast<double>(result) - real) / ulp_of(real);
}

void sweep(const Function& f, uint64_t stride, uint32_t start) {
  double worst = 0.0;
  for (uint64_t bits = start; bits < (uint64_t{1} << 32); bits += stride) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    const float y = f.engine(x);
    ASSERT_EQ(canonical_bits(y), canonical_bits(f.oracle(x))) << f.name << " of bits " << bits;
    const double error = error_ulp(f, x, y);
    ASSERT_LE(error, f.ulp_max) << f.name << "(" << x << ")";
    worst = std::max(worst, error);
  }
  testing::Test::RecordProperty(std::string(f.name) + "_ulp", std::to_string(worst));
}

TEST(Elementary, ExpOfEvery4001stArgument) { sweep(kExp, 4001, 17); }
TEST(Elementary, LogOfEvery4001stArgument) { sweep(kLog, 4001, 5); }

TEST(Elementary, SigmoidOfEvery4001stArgument) { sweep(kSigmoid, 4001, 3); }
TEST(Elementary, TanhOfEvery4001stArgument) { sweep(kTanh, 4001, 7); }
TEST(Elementary, ErfOfEvery4001stArgument) { sweep(kErf, 4001, 11); }

TEST(Elementary, DISABLED_ExhaustiveSigmoid) { sweep(kSigmoid, 1, 0); }
TEST(Elementary, DISABLED_ExhaustiveTanh) { sweep(kTanh, 1, 0); }
TEST(Elementary, DISABLED_ExhaustiveErf) { sweep(kErf, 1, 0); }
TEST(Elementary, DISABLED_ExhaustiveExp) { sweep(kExp, 1, 0); }
TEST(Elementary, DISABLED_ExhaustiveLog) { sweep(kLog, 1, 0); }

TEST(Elementary, SinAndCosOfHalfTurns) {
  for (uint32_t i = 0; i <= (1u << 25); i += 61) {
    const float v = static_cast<float>(i) * 5.9604644775390625e-8f;  // [0, 2]
    const float s = sinpi_f32(v);
    const float c = cospi_f32(v);
    ASSERT_EQ(canonical_bits(s), canonical_bits(oracle::sinpi(v))) << v;
    ASSERT_EQ(canonical_bits(c), canonical_bits(oracle::cospi(v))) << v;
    const double angle = static_cast<double>(v) * 3.14159265358979323846;
    ASSERT_NEAR(s, std::sin(angle), 2e-7) << v;
    ASSERT_NEAR(c, std::cos(angle), 2e-7) << v;
  }
}

TEST(Elementary, EdgesAreDefined) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(exp_f32(0.0f), 1.0f);
  EXPECT_EQ(exp_f32(-infinity), 0.0f);
  EXPECT_EQ(exp_f32(infinity), infinity);
  EXPECT_EQ(exp_f32(-88.0f), 0.0f);
  EXPECT_TRUE(std::isnan(exp_f32(std::nanf(""))));
  EXPECT_EQ(log_f32(1.0f), 0.0f);
  EXPECT_EQ(log_f32(0.0f), -infinity);
  EXPECT_EQ(log_f32(-0.0f), -infinity);
  EXPECT_EQ(log_f32(infinity), infinity);
  EXPECT_TRUE(std::isnan(log_f32(-1.0f)));
  for (float (*function)(float) : {sigmoid_f32, tanh_f32, erf_f32}) {
    EXPECT_EQ(function(infinity), 1.0f);
    EXPECT_TRUE(std::isnan(function(std::nanf(""))));
  }
  EXPECT_EQ(sigmoid_f32(-infinity), 0.0f);
  EXPECT_EQ(tanh_f32(-infinity), -1.0f);
  EXPECT_EQ(erf_f32(-infinity), -1.0f);
  EXPECT_EQ(sigmoid_f32(0.0f), 0.5f);
  EXPECT_EQ(tanh_f32(-0.0f), 0.0f);
  EXPECT_EQ(std::bit_cast<uint32_t>(erf_f32(-0.0f)), 0x80000000u);
  EXPECT_EQ(cospi_f32(0.5f), 0.0f);
  EXPECT_EQ(cospi_f32(1.0f), -1.0f);
  EXPECT_EQ(sinpi_f32(1.0f), 0.0f);
}

}  // namespace
}  // namespace ginn
