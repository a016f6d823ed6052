#include "cli/terminal.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ginn::cli {
namespace {

TEST(Terminal, Durations) {
  EXPECT_EQ(duration(12.34), "12.3 s");
  EXPECT_EQ(duration(60.0), "1 min 00 s");
  EXPECT_EQ(duration(3599.0), "59 min 59 s");
  EXPECT_EQ(duration(59.97), "1 min 00 s");
  EXPECT_EQ(duration(3720.0), "1 h 02 min");
  EXPECT_EQ(duration(-1.0), "?");
  EXPECT_EQ(duration(std::nan("")), "?");
}

TEST(Terminal, Bytes) {
  EXPECT_EQ(bytes_text(999.0), "999 B");
  EXPECT_EQ(bytes_text(1234.0), "1.2 kB");
  EXPECT_EQ(bytes_text(47.2e6), "47.2 MB");
  EXPECT_EQ(bytes_text(1.5e9), "1.50 GB");
}

TEST(Terminal, Wraps) {
  EXPECT_EQ(wrapped("", 10), "");
  EXPECT_EQ(wrapped("one two three", 7), "one two\nthree\n");
  EXPECT_EQ(wrapped("one two three", 6), "one\ntwo\nthree\n");
  EXPECT_EQ(wrapped("abcdefgh ij", 4), "abcdefgh\nij\n");
  EXPECT_EQ(wrapped("a\n\nb  c\n", 10), "a\n\nb c\n");
}

}  // namespace
}  // namespace ginn::cli
