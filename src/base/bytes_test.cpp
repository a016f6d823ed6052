#include "base/bytes.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace ginn {
namespace {

TEST(Bytes, WriterIsLittleEndian) {
  ByteWriter writer;
  writer.u8(0x01);
  writer.u16(0x0302);
  writer.u32(0x07060504);
  writer.u64(0x0f0e0d0c0b0a0908);
  writer.text("ab");
  writer.bytes(Bytes{0xff});
  writer.bytes({});
  EXPECT_EQ(to_hex(writer.view()), "0102030405060708090a0b0c0d0e0f6162ff");
  EXPECT_EQ(writer.finish().size(), 18u);
}

TEST(Bytes, ReaderReadsWhatWasWritten) {
  ByteWriter writer;
  writer.u8(200);
  writer.u16(65535);
  writer.u32(4000000000u);
  writer.u64(18446744073709551615u);
  writer.u8(0x80);
  writer.text("tail");
  const Bytes bytes = writer.finish();
  ByteReader reader(bytes);
  EXPECT_EQ(reader.u8().value(), 200);
  EXPECT_EQ(reader.u16().value(), 65535);
  EXPECT_EQ(reader.u32().value(), 4000000000u);
  EXPECT_EQ(reader.u64().value(), 18446744073709551615u);
  EXPECT_EQ(reader.i8().value(), -128);
  EXPECT_EQ(reader.offset(), 16u);
  EXPECT_EQ(as_text(reader.take(4).value()), "tail");
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(Bytes, ReaderRefusesToReadPastTheEnd) {
  const Bytes bytes(7);
  ByteReader reader(bytes);
  const auto eight = reader.u64();
  ASSERT_FALSE(eight.ok());
  EXPECT_STREQ(eight.error().code, "truncated");
  EXPECT_EQ(reader.offset(), 0u);  // a failed read takes nothing
  EXPECT_TRUE(reader.u32().ok());
  EXPECT_FALSE(reader.u32().ok());
  EXPECT_TRUE(reader.u16().ok());
  EXPECT_FALSE(reader.u16().ok());
  EXPECT_TRUE(reader.u8().ok());
  EXPECT_FALSE(reader.u8().ok());
  EXPECT_FALSE(reader.i8().ok());
  EXPECT_TRUE(reader.take(0).ok());
}

TEST(Bytes, HugeCountsDoNotWrapAround) {
  const Bytes bytes(10);
  ByteReader reader(bytes);
  ASSERT_TRUE(reader.take(3).ok());
  for (const size_t count : {SIZE_MAX, SIZE_MAX - 2, SIZE_MAX - 3, size_t{8}}) {
    const auto taken = reader.take(count);
    ASSERT_FALSE(taken.ok()) << count;
    EXPECT_NE(taken.error().message.find("offset 3"), std::string::npos);
  }
  EXPECT_TRUE(reader.take(7).ok());
}

}  // namespace
}  // namespace ginn
