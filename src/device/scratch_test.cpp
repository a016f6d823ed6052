#include "device/scratch.h"

#include <gtest/gtest.h>

#include <cstring>

namespace ginn::device {
namespace {

bool aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % kAlignment == 0; }

TEST(Buffer, IsZeroAlignedAndReadableBehindItsEnd) {
  for (const size_t count : {0u, 1u, 31u, 32u, 33u, 1000u}) {
    const Buffer<int16_t> buffer(count);
    EXPECT_TRUE(aligned(buffer.data()));
    EXPECT_EQ(buffer.size(), count);
    const auto* bytes = reinterpret_cast<const unsigned char*>(buffer.data());
    for (size_t i = 0; i < count * sizeof(int16_t) + kAlignment; ++i) ASSERT_EQ(bytes[i], 0);
  }
}

TEST(Scratch, PiecesAreAlignedAndApart) {
  Scratch scratch;
  unsigned char* pieces[20];
  size_t sizes[20];
  for (size_t i = 0; i < 20; ++i) {
    sizes[i] = i * i * 37;
    pieces[i] = scratch.take<unsigned char>(sizes[i]);
    EXPECT_TRUE(aligned(pieces[i]));
    std::memset(pieces[i], static_cast<int>(i), sizes[i] + kAlignment);  // slack is its own
  }
  for (size_t i = 0; i < 20; ++i) {
    for (size_t j = 0; j < sizes[i]; ++j) ASSERT_EQ(pieces[i][j], i);
  }
}

TEST(Scratch, StopsGrowing) {
  Scratch scratch;
  const auto round = [&] {
    scratch.reset();
    for (size_t i = 0; i < 50; ++i) scratch.take<int64_t>(i * 100);
  };
  round();
  const size_t capacity = scratch.capacity();
  EXPECT_GE(capacity, 50u * 49u / 2u * 100u * sizeof(int64_t));
  const void* first = nullptr;
  for (int i = 0; i < 5; ++i) {
    round();
    EXPECT_EQ(scratch.capacity(), capacity);
    scratch.reset();
    const void* now = scratch.take<int64_t>(1);
    EXPECT_TRUE(i == 0 || now == first);
    first = now;
  }
}

TEST(Scratch, ResetWithoutUseDoesNothing) {
  Scratch scratch;
  scratch.reset();
  EXPECT_EQ(scratch.capacity(), 0u);
}

}  // namespace
}  // namespace ginn::device
