#include "model_file/safetensors.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/text.h"

namespace ginn::model_file {
namespace {

Bytes file_with(std::string_view header, size_t data_bytes) {
  ByteWriter writer;
  writer.u64(header.size());
  writer.text(header);
  Bytes file = writer.finish();
  file.resize(file.size() + data_bytes, 7);
  return file;
}

std::string code_of(std::string_view header, size_t data_bytes) {
  auto parsed = parse_safetensors(file_with(header, data_bytes));
  return parsed.ok() ? "ok" : parsed.error().code;
}

std::vector<NamedTensor> example() {
  return {{"fc.weight", Dtype::kF32, {2, 3}, Bytes(24, 1)},
          {"bn.num_batches_tracked", Dtype::kI64, {}, Bytes(8, 2)},
          {"q", Dtype::kI16, {5}, Bytes(10, 3)},
          {"empty", Dtype::kF32, {0, 4}, {}},
          {"b", Dtype::kI8, {3}, Bytes(3, 4)}};
}

TEST(Safetensors, WritesTheseBytes) {
  auto file = write_safetensors({{"a", Dtype::kI8, {2}, {5, 6}}}, {{"k", "v\"\n"}});
  ASSERT_TRUE(file.ok());
  const std::string header =
      "{\"__metadata__\":{\"k\":\"v\\\"\\n\"},"
      "\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]}}";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  ByteWriter expected;
  expected.u64(padded.size());
  expected.text(padded);
  expected.u8(5);
  expected.u8(6);
  EXPECT_EQ(*file, expected.view());
}

TEST(Safetensors, RoundTripKeepsOrderAndBytes) {
  const auto tensors = example();
  auto file = write_safetensors(tensors, {{"format", "pt"}});
  ASSERT_TRUE(file.ok());
  auto parsed = parse_safetensors(*file);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->metadata, (Metadata{{"format", "pt"}}));
  ASSERT_EQ(parsed->tensors.size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(parsed->tensors[i].name, tensors[i].name);
    EXPECT_EQ(parsed->tensors[i].dtype, tensors[i].dtype);
    EXPECT_EQ(parsed->tensors[i].shape, tensors[i].shape);
    EXPECT_EQ(parsed->tensors[i].data, tensors[i].data);
  }
  EXPECT_EQ(*write_safetensors(parsed->tensors, parsed->metadata), *file);
}

TEST(Safetensors, EveryTruncationIsRefused) {
  auto file = write_safetensors(example(), {});
  ASSERT_TRUE(file.ok());
  for (size_t size = 0; size < file->size(); ++size) {
    EXPECT_FALSE(parse_safetensors(ByteView(*file).first(size)).ok()) << size;
  }
  file->push_back(0);
  EXPECT_FALSE(parse_safetensors(*file).ok());
}

TEST(Safetensors, FlippedHeaderBytesNeverCrash) {
  auto file = write_safetensors(example(), {{"a", "b"}});
  ASSERT_TRUE(file.ok());
  for (size_t at = 0; at < file->size(); ++at) {
    for (int mask : {0x01, 0x10, 0x80}) {
      Bytes changed = *file;
      changed[at] = static_cast<uint8_t>(changed[at] ^ mask);
      auto parsed = parse_safetensors(changed);
      if (parsed.ok()) {
        EXPECT_EQ(parsed->tensors.size(), 5u);
      }
    }
  }
}

TEST(Safetensors, HeaderLengths) {
  EXPECT_STREQ(parse_safetensors(Bytes(7)).error().code, "safetensors_truncated");
  Bytes huge(16, 0xff);
  EXPECT_STREQ(parse_safetensors(huge).error().code, "safetensors_header_size");
  Bytes longer = file_with("{}", 0);
  longer[0] = 3;
  EXPECT_STREQ(parse_safetensors(longer).error().code, "safetensors_truncated");
  EXPECT_EQ(code_of("{}", 0), "ok");
  EXPECT_EQ(code_of(" {}", 0), "safetensors_header");
  EXPECT_EQ(code_of("[]", 0), "safetensors_header");
  EXPECT_EQ(code_of("{}x", 0), "json_syntax");
}

TEST(Safetensors, EachWayOfBeingWrongHasItsCode) {
  const auto one = [](std::string_view body) { return concat("{\"a\":", body, "}"); };
  EXPECT_EQ(code_of(one(R"({"dtype":"I8","shape":[2],"data_offsets":[0,2]})"), 2), "ok");
  EXPECT_EQ(code_of(R"({"a":{},"a":{}})", 0), "json_duplicate_key");
  EXPECT_EQ(code_of(R"({"__metadata__":{"a":1}})", 0), "safetensors_metadata");
  EXPECT_EQ(code_of(R"({"__metadata__":"a"})", 0), "safetensors_metadata");
  EXPECT_EQ(code_of(R"({"":{"dtype":"I8","shape":[],"data_offsets":[0,1]}})", 1),
            "safetensors_name");
  EXPECT_EQ(code_of(R"({"a\n":{"dtype":"I8","shape":[],"data_offsets":[0,1]}})", 1),
            "safetensors_name");
  EXPECT_EQ(code_of(one("3"), 0), "safetensors_field");
  EXPECT_EQ(code_of(one(R"({"dtype":"I8","shape":[2]})"), 2), "safetensors_field");
  EXPECT_EQ(code_of(one(R"({"dtype":"I8","shape":[2],"data_offsets":[0,2],"x":1})"), 2),
            "safetensors_field");
  EXPECT_EQ(code_of(one(R"({"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]})"), 2),
            "safetensors_dtype");
  for (const char* shape : {"[-1]",
                            "[1.5]",
                            "[\"1\"]",
                            "[9007199254740992]",
                            "[1,1,1,1,1,1,1,1,1]",
                            "[4294967296,4294967296,2]"}) {
    EXPECT_EQ(
        code_of(one(concat(R"({"dtype":"I8","shape":)", shape, R"(,"data_offsets":[0,1]})")), 1),
        "safetensors_shape")
        << shape;
  }
  for (const char* offsets : {"[0]", "[0,1,2]", "[2,0]", "[0,3]", "[-1,1]", "[1,2]"}) {
    EXPECT_NE(code_of(one(concat(R"({"dtype":"I8","shape":[2],"data_offsets":)", offsets, "}")), 2),
              "ok")
        << offsets;
  }
  EXPECT_EQ(code_of(one(R"({"dtype":"I8","shape":[2],"data_offsets":[0,3]})"), 2),
            "safetensors_offsets");
  EXPECT_EQ(code_of(one(R"({"dtype":"I8","shape":[2],"data_offsets":[0,1]})"), 2),
            "safetensors_size");
}

TEST(Safetensors, EveryTypeHasItsNameAndSize) {
  for (const auto& [name, bytes] : {std::pair{"F32", 4},
                                    {"F64", 8},
                                    {"F16", 2},
                                    {"BF16", 2},
                                    {"I64", 8},
                                    {"I32", 4},
                                    {"I16", 2},
                                    {"I8", 1},
                                    {"U8", 1}}) {
    const auto header =
        concat(R"({"a":{"dtype":")", name, R"(","shape":[3],"data_offsets":[0,)", 3 * bytes, "]}}");
    EXPECT_EQ(code_of(header, static_cast<size_t>(3 * bytes)), "ok") << name;
    const auto file = parse_safetensors(file_with(header, static_cast<size_t>(3 * bytes)));
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(dtype_name(file->tensors[0].dtype), name);
    EXPECT_EQ(write_safetensors(file->tensors, {}).value().size() % 8,
              static_cast<size_t>(3 * bytes) % 8);
  }
}

// All of the 65,536 values, against their definition.
TEST(Safetensors, HalvesWidenExactly) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const int exponent = static_cast<int>((bits >> 10) & 31);
    const double fraction = bits & 1023;
    const double sign = bits < 32768 ? 1.0 : -1.0;
    const float wide = widen_f16(half);
    EXPECT_EQ(std::signbit(wide), bits >= 32768) << bits;
    if (exponent == 31) {
      EXPECT_EQ(std::isinf(wide), fraction == 0) << bits;
      EXPECT_EQ(std::isnan(wide), fraction != 0) << bits;
    } else {
      const double value =
          exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
      EXPECT_EQ(double{wide}, sign * value) << bits;
    }
    const float brain = widen_bf16(half);
    EXPECT_EQ(std::bit_cast<uint32_t>(brain), bits << 16);
  }
}

TEST(Safetensors, GapsAndOverlaps) {
  const auto two = [](int b0, int e0, int b1, int e1) {
    return concat(R"({"a":{"dtype":"I8","shape":[2],"data_offsets":[)",
                  b0,
                  ",",
                  e0,
                  R"(]},"b":{"dtype":"I8","shape":[2],"data_offsets":[)",
                  b1,
                  ",",
                  e1,
                  "]}}");
  };
  EXPECT_EQ(code_of(two(0, 2, 2, 4), 4), "ok");
  EXPECT_EQ(code_of(two(2, 4, 0, 2), 4), "ok");
  EXPECT_EQ(code_of(two(0, 2, 1, 3), 3), "safetensors_offsets");  // overlap
  EXPECT_EQ(code_of(two(0, 2, 0, 2), 2), "safetensors_offsets");  // shared
  EXPECT_EQ(code_of(two(0, 2, 3, 5), 5), "safetensors_offsets");  // gap
  EXPECT_EQ(code_of(two(0, 2, 2, 4), 5), "safetensors_offsets");  // tail
  EXPECT_EQ(code_of(two(1, 3, 3, 5), 5), "safetensors_offsets");  // head
}

TEST(Safetensors, WriterRefuses) {
  EXPECT_STREQ(write_safetensors({{"a", Dtype::kF32, {1}, Bytes(3)}}, {}).error().code,
               "safetensors_size");
  EXPECT_STREQ(write_safetensors({{"__metadata__", Dtype::kI8, {1}, Bytes(1)}}, {}).error().code,
               "safetensors_name");
  EXPECT_STREQ(
      write_safetensors({{"a", Dtype::kI8, {0}, {}}, {"a", Dtype::kI8, {0}, {}}}, {}).error().code,
      "safetensors_name");
  const std::vector<uint64_t> wide(9, 1);
  EXPECT_STREQ(write_safetensors({{"a", Dtype::kI8, wide, Bytes(1)}}, {}).error().code,
               "safetensors_shape");
}

}  // namespace
}  // namespace ginn::model_file
