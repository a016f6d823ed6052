#include "model_file/safetensors.h"

#include <gtest/gtest.h>

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
  EXPECT_EQ(code_of(one(R"({"dtype":"F16","shape":[1],"data_offsets":[0,2]})"), 2),
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
