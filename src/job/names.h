#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "job/job.h"

namespace ginn::job {

// Of the canonical JSON: its version, and what has only one word or version so far.
inline constexpr uint32_t kVersion = 1;
inline constexpr std::string_view kPixelFormat = "u8hwc";
inline constexpr std::string_view kOptimizer = "sgd";
inline constexpr uint32_t kArithmeticVersion = 1;

// The words that stand for enumerators, alike in job files and in the canonical JSON.
template <typename T>
struct Word {
  T value;
  std::string_view text;
};

inline constexpr std::array<Word<Schedule>, 3> kSchedules = {
    {{Schedule::kConstant, "constant"}, {Schedule::kStep, "step"}, {Schedule::kCosine, "cosine"}}};
inline constexpr std::array<Word<data::LastBatch>, 2> kLastBatches = {
    {{data::LastBatch::kDrop, "drop"}, {data::LastBatch::kCarry, "carry"}}};
inline constexpr std::array<Word<guarantee::Verify>, 2> kVerifies = {
    {{guarantee::Verify::kSample, "sample"}, {guarantee::Verify::kAll, "all"}}};

// integrity.lives, instead of a number.
inline constexpr std::string_view kUnlimited = "unlimited";

template <typename T, size_t n>
std::string_view word_of(const std::array<Word<T>, n>& words, T value) {
  for (const Word<T>& word : words) {
    if (word.value == value) return word.text;
  }
  GINN_CHECK(false && "an enumerator without a word");
  return {};
}

template <typename T, size_t n>
std::optional<T> value_of(const std::array<Word<T>, n>& words, std::string_view text) {
  for (const Word<T>& word : words) {
    if (word.text == text) return word.value;
  }
  return std::nullopt;
}

// "constant", "step", "cosine": for messages.
template <typename T, size_t n>
std::string all_words(const std::array<Word<T>, n>& words) {
  std::string out;
  for (const Word<T>& word : words) {
    if (!out.empty()) out += ", ";
    out += '"';
    out += word.text;
    out += '"';
  }
  return out;
}

}  // namespace ginn::job
