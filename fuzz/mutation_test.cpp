// Every target over deterministic mutations of its seeds and over frozen findings: the part of
// fuzzing that runs in every build, sanitized ones included. GINN_FUZZ_ROUNDS sets how long.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "arithmetic/philox.h"
#include "base/file.h"
#include "fuzz/targets.h"

namespace ginn::fuzz {

void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }

namespace {

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed, Purpose::kDropout) {}

  // One to eight changes; `other` is spliced in at times.
  Bytes mutate(Bytes bytes, const Bytes& other) {
    const uint32_t changes = 1 + below(8);
    for (uint32_t i = 0; i < changes; ++i) change(bytes, other);
    return bytes;
  }

 private:
  uint32_t below(size_t bound) {
    return bound == 0 ? 0 : random_.bounded(next_++, 0, static_cast<uint32_t>(bound));
  }
  // Pieces of syntax, and integers at the ends of their ranges.
  Bytes token() {
    static const std::string tokens[] = {"{",
                                         "}",
                                         "[",
                                         "]",
                                         "\"",
                                         "\\",
                                         ",",
                                         ":",
                                         "-",
                                         "9",
                                         "1e308",
                                         "null",
                                         "\n",
                                         "\\ud800",
                                         "\xc3",
                                         "=",
                                         std::string(1, '\0'),
                                         std::string(4, '\xff'),
                                         "\xff\xff\xff\x7f",
                                         std::string("\0\0\0\x80", 4),
                                         "18446744073709551615"};
    const std::string& text = tokens[below(std::size(tokens))];
    return Bytes(text.begin(), text.end());
  }
  void insert(Bytes& bytes, const Bytes& what) {
    constexpr size_t kLongest = 1 << 16;
    if (bytes.size() + what.size() > kLongest) return;
    bytes.insert(bytes.begin() + below(bytes.size() + 1), what.begin(), what.end());
  }
  Bytes piece(const Bytes& of) {
    const size_t first = below(of.size() + 1);
    const size_t count = std::min<size_t>(of.size() - first, below(64));
    return Bytes(of.begin() + static_cast<ptrdiff_t>(first),
                 of.begin() + static_cast<ptrdiff_t>(first + count));
  }
  void change(Bytes& bytes, const Bytes& other) {
    const size_t at = below(bytes.size());
    switch (below(7)) {
      case 0:
        if (!bytes.empty()) bytes[at] ^= static_cast<uint8_t>(1 << below(8));
        break;
      case 1:
        if (!bytes.empty()) bytes[at] = static_cast<uint8_t>(below(256));
        break;
      case 2:
        insert(bytes, token());
        break;
      case 3:
        insert(bytes, piece(bytes));
        break;
      case 4:
        insert(bytes, piece(other));
        break;
      case 5:
        if (!bytes.empty()) {
          const size_t count = std::min<size_t>(bytes.size() - at, 1 + below(16));
          const auto first = bytes.begin() + static_cast<ptrdiff_t>(at);
          bytes.erase(first, first + static_cast<ptrdiff_t>(count));
        }
        break;
      default:
        if (below(8) == 0) bytes.resize(at);
        break;
    }
  }

  Random random_;
  uint64_t next_ = 0;
};

uint32_t rounds() {
  constexpr uint32_t kDefault = 3000;
  const char* text = std::getenv("GINN_FUZZ_ROUNDS");
  return text == nullptr ? kDefault : static_cast<uint32_t>(std::strtoul(text, nullptr, 10));
}

class EachTarget : public testing::TestWithParam<Target> {};

// The canary: a target that accepted nothing would test nothing.
TEST_P(EachTarget, AcceptsItsSeeds) {
  const auto seeds = GetParam().seeds();
  ASSERT_FALSE(seeds.empty());
  for (const Bytes& seed : seeds) EXPECT_TRUE(GetParam().run(seed));
}

TEST_P(EachTarget, SurvivesMutations) {
  const auto seeds = GetParam().seeds();
  uint32_t accepted = 0;
  for (uint32_t round = 0; round < rounds(); ++round) {
    Mutator mutator(round);
    const Bytes& seed = seeds[round % seeds.size()];
    const Bytes& other = seeds[(round / seeds.size()) % seeds.size()];
    accepted += GetParam().run(mutator.mutate(seed, other)) ? 1 : 0;
  }
  EXPECT_LT(accepted, rounds()) << "mutations that change nothing";
  RecordProperty("accepted", static_cast<int>(accepted));
}

TEST(Findings, StayFixed) {
  size_t inputs = 0;
  for (const auto& folder : std::filesystem::directory_iterator(GINN_FUZZ_VECTORS)) {
    const Target* target = find_target(folder.path().filename().string());
    ASSERT_NE(target, nullptr) << folder.path();
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const auto input = read_file(entry.path(), 1 << 24);
      ASSERT_TRUE(input.ok()) << input.error().message;
      (void)target->run(*input);
      ++inputs;
    }
  }
  EXPECT_GT(inputs, 0u);
}

INSTANTIATE_TEST_SUITE_P(Fuzz,
                         EachTarget,
                         testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace ginn::fuzz
