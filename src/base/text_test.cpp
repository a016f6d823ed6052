#include "base/text.h"

#include <gtest/gtest.h>

namespace ginn {
namespace {

template <typename T>
std::string code_of(const Result<T>& result) {
  return result.ok() ? "" : result.error().code;
}

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

TEST(Text, ConcatWritesEachKindOfValue) {
  EXPECT_EQ(concat("row ", 3, " of ", uint64_t{18446744073709551615u}, ' ', true, std::string("x")),
            "row 3 of 18446744073709551615 truex");
  EXPECT_EQ(concat(int8_t{-7}, " ", uint8_t{200}, " ", 0.1, " ", 0.1f), "-7 200 0.1 0.1");
  EXPECT_EQ(concat(-1.7976931348623157e308), "-1.7976931348623157e+308");
}

TEST(Text, HexRoundTripsEveryByte) {
  Bytes all(256);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint8_t>(i);
  const std::string text = to_hex(all);
  EXPECT_EQ(text.substr(0, 8), "00010203");
  EXPECT_EQ(text.substr(504), "fcfdfeff");
  auto back = from_hex(text);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, all);
}

TEST(Text, HexRefusesEverythingButLowerCasePairs) {
  EXPECT_TRUE(from_hex("").ok());
  for (std::string_view bad : {"a", "abc", "AB", "0x", "g0", "0g", " 0", "0\n", "\xc3\xa9"}) {
    EXPECT_EQ(code_of(from_hex(bad)), "bad_hex") << bad;
  }
  EXPECT_EQ(code_of(from_hex(std::string_view("0\0", 2))), "bad_hex");
}

TEST(Text, Base64KnownAnswers) {
  // RFC 4648, section 10.
  const std::pair<std::string_view, std::string_view> kVectors[] = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"},
                                                                    {"\xfb\xff\xfe", "+//+"}};
  for (const auto& [plain, text] : kVectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), text);
    auto back = from_base64(text);
    ASSERT_TRUE(back.ok()) << text;
    EXPECT_EQ(*back, bytes_of(plain));
  }
}

TEST(Text, Base64RoundTripsEveryLength) {
  Bytes bytes;
  for (size_t i = 0; i < 100; ++i) {
    auto back = from_base64(to_base64(bytes));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, bytes);
    bytes.push_back(static_cast<uint8_t>(i * 89 + 7));
  }
}

TEST(Text, Base64IsStrictAndCanonical) {
  for (std::string_view bad : {"Z",
                               "Zg",
                               "Zg=",
                               "Zg===",
                               "=",
                               "====",
                               "=Zg=",
                               "Zg=a",
                               "Z===",
                               "Zm9v\n",
                               "Zm 9",
                               "Zm9-",
                               "Zm9_",
                               "Zm9vZg==Zg==",
                               "Zg==Zm9v",
                               "\xff\xff\xff\xff"}) {
    EXPECT_EQ(code_of(from_base64(bad)), "bad_base64") << bad;
  }
  // The same bytes with trailing bits set.
  for (std::string_view bad : {"Zh==", "Zv==", "Zm9=", "Zm+="}) {
    EXPECT_EQ(code_of(from_base64(bad)), "bad_base64") << bad;
  }
}

TEST(Text, Base64HasOneTextForEachTwoByteGroup) {
  // Of all texts "xxx=" with a fixed start, just those with two zero bits decode.
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t good = 0;
  for (char digit : kDigits) {
    const std::string text = concat("Zm", digit, "=");
    auto bytes = from_base64(text);
    if (!bytes.ok()) continue;
    ++good;
    EXPECT_EQ(to_base64(*bytes), text);
  }
  EXPECT_EQ(good, 16u);
}

TEST(Text, PrintableEscapesAndCuts) {
  EXPECT_EQ(printable("plain text ~!"), "plain text ~!");
  EXPECT_EQ(printable("\x1b[31m\n\x7f\xc3\xa9"), "\\x1b[31m\\x0a\\x7f\\xc3\\xa9");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef...");
  EXPECT_EQ(printable(std::string(1000, 'x')).size(), 203u);
}

}  // namespace
}  // namespace ginn
