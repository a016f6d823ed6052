#include "crypto/json.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "base/text.h"

namespace ginn::crypto {
namespace {

std::string code_of(std::string_view text, JsonLimits limits = {}) {
  auto json = parse_json(text, limits);
  return json.ok() ? "" : json.error().code;
}

std::string canonical(std::string_view text) {
  auto json = parse_json(text);
  return json.ok() ? canonical_json(*json) : json.error().message;
}

TEST(CanonicalJson, NumbersOfRfc8785AppendixB) {
  const std::pair<uint64_t, std::string_view> kTable[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"}};
  for (const auto& [bits, text] : kTable) {
    const auto number = std::bit_cast<double>(bits);
    EXPECT_EQ(canonical_json(Json(number)), text);
    auto back = parse_json(text);
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(*back->as_number(), number);
  }
}

TEST(CanonicalJson, SmallNumbers) {
  EXPECT_EQ(canonical("[1,-1,10,1.5,100,1e2,-0,-0.0,0.1,1e-6,1e-7,123456.789,12e20,1.5e-10]"),
            "[1,-1,10,1.5,100,100,0,0,0.1,0.000001,1e-7,123456.789,1.2e+21,1.5e-10]");
}

TEST(CanonicalJson, ExampleOfRfc8785Section322) {
  EXPECT_EQ(canonical(R"({
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  })"),
            "{\"literals\":[null,true,false],"
            "\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(CanonicalJson, SortsByUtf16Units) {
  // RFC 8785, section 3.2.3: beyond U+FFFF comes before U+FB33.
  auto json = parse_json(R"({"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew",
    "1":"One","\ud83d\ude00":"Emoji","\u0080":"Control","\u00f6":"Latin"})");
  ASSERT_TRUE(json.ok());
  const std::string text = canonical_json(*json);
  size_t last = 0;
  for (const char* name : {"Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"}) {
    const size_t place = text.find(name);
    ASSERT_NE(place, std::string::npos) << name;
    EXPECT_GT(place, last) << name;
    last = place;
  }
}

TEST(CanonicalJson, SortsNestedObjects) {
  EXPECT_EQ(
      canonical(R"({"1": {"f": {"f": "hi","F": 5} ,"\n": 56.0}, "10": {}, "": "empty",
    "a": {}, "111": [ {"e": "yes","E": "no" } ], "A": {}, "ab": [[]]})"),
      R"({"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],)"
      R"("A":{},"a":{},"ab":[[]]})");
}

TEST(CanonicalJson, EscapesControlCharactersOnly) {
  const std::string all("\0\x01\b\t\n\x0b\f\r\x1f \"\\/\x7f\xc3\xa9", 16);
  const std::string text = canonical_json(Json(all));
  EXPECT_EQ(text, "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \\\"\\\\/\x7f\xc3\xa9\"");
  auto back = parse_json(text);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back->as_string(), all);
}

TEST(CanonicalJsonDeathTest, NonFiniteNumbersAreABrokenInvariant) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(canonical_json(Json(std::numeric_limits<double>::infinity())), "broken invariant");
  EXPECT_DEATH(canonical_json(Json(std::numeric_limits<double>::quiet_NaN())), "broken invariant");
}

TEST(PrettyJson, IndentsAndParsesToTheSame) {
  auto json = parse_json(R"({"b":[1,{"c":"x"},[]],"a":{},"d":null})");
  ASSERT_TRUE(json.ok());
  const std::string text = pretty_json(*json);
  EXPECT_EQ(text,
            "{\n  \"a\": {},\n  \"b\": [\n    1,\n    {\n      \"c\": \"x\"\n    },\n    []\n  ],\n"
            "  \"d\": null\n}");
  auto back = parse_json(text);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, *json);
}

TEST(ParseJson, ValuesOfEachKind) {
  auto json = parse_json(R"( {"n":null,"t":true,"x":-2.5,"s":"a\u00e9","a":[1,2],"o":{"k":0}} )");
  ASSERT_TRUE(json.ok()) << json.error().message;
  EXPECT_TRUE(json->find("n")->is_null());
  EXPECT_TRUE(*json->find("t")->as_bool());
  EXPECT_EQ(*json->find("x")->as_number(), -2.5);
  EXPECT_EQ(*json->find("s")->as_string(), "a\xc3\xa9");
  EXPECT_EQ(json->find("a")->as_array()->size(), 2u);
  EXPECT_EQ(*json->find("o")->find("k")->as_number(), 0);
  EXPECT_EQ(json->find("absent"), nullptr);
  EXPECT_EQ(json->find("a")->find("k"), nullptr);
  EXPECT_EQ(canonical("[[1,[2,{\"a\":[3]}],4],5]"), "[[1,[2,{\"a\":[3]}],4],5]");
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  for (std::string_view bad : {"",
                               " ",
                               "{",
                               "}",
                               "[1,]",
                               "{\"a\":1,}",
                               "{\"a\"}",
                               "{\"a\":}",
                               "{a:1}",
                               "[1 2]",
                               "01",
                               "1.",
                               ".5",
                               "+1",
                               "1e",
                               "0x10",
                               "NaN",
                               "Infinity",
                               "-Infinity",
                               "nul",
                               "True",
                               "'a'",
                               "\"a",
                               "\"\n\"",
                               "\"\\x\"",
                               "\"\\ud800\"",
                               "\"\\ude00\\ud83d\"",
                               "\"\\u12\"",
                               "[] []",
                               "{}x",
                               "1 1",
                               "[1]]",
                               "// c\n1",
                               "/* c */1",
                               "\"\xff\"",
                               "\"\xc0\xaf\"",
                               "\"\xed\xa0\x80\"",
                               "\"\xf4\x90\x80\x80\"",
                               "\"\xc3\"",
                               "\xef\xbb\xbf{}",
                               "\xef\xbb{}"}) {
    EXPECT_EQ(code_of(bad), "json_syntax") << printable(bad);
  }
}

TEST(ParseJson, AZeroByteDoesNotEndTheText) {
  EXPECT_EQ(code_of(std::string_view("{}\0", 3)), "json_syntax");
  EXPECT_EQ(code_of(std::string_view("{}\0{}", 5)), "json_syntax");
  EXPECT_EQ(code_of(std::string_view("\"\0\"", 3)), "json_syntax");
}

TEST(ParseJson, SyntaxErrorsNameTheOffset) {
  auto json = parse_json("{\"a\": tru}");
  ASSERT_FALSE(json.ok());
  EXPECT_NE(json.error().message.find("at offset 10"), std::string::npos) << json.error().message;
}

TEST(ParseJson, NumbersMustBeFiniteAndIntegersExact) {
  for (std::string_view bad : {"1e400",
                               "-1e400",
                               "9007199254740993",
                               "-9007199254740993",
                               "18446744073709551615",
                               "123456789012345678901234567890"}) {
    EXPECT_EQ(code_of(bad), "json_syntax") << bad;
  }
  EXPECT_EQ(code_of(std::string(400, '9')), "json_syntax");
  for (std::string_view good : {"9007199254740992",
                                "9007199254740994",
                                "9223372036854775808",
                                "-9223372036854775808",
                                "9223372036854776000",
                                "1e308",
                                "1e-400",
                                "100000000000000000000",
                                "295147905179352825856"}) {
    EXPECT_EQ(code_of(good), "") << good;
  }
}

TEST(ParseJson, DuplicateKeysAreRefusedInEachObject) {
  EXPECT_EQ(code_of(R"({"a":1,"a":1})"), "json_duplicate_key");
  EXPECT_EQ(code_of(R"({"a":1,"\u0061":2})"), "json_duplicate_key");
  EXPECT_EQ(code_of(R"([{"x":{"b":1,"c":{},"b":2}}])"), "json_duplicate_key");
  EXPECT_EQ(code_of(R"({"a":{"a":1},"b":{"a":1}})"), "");
}

TEST(ParseJson, DepthIsLimited) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(code_of(nested(16)), "");
  EXPECT_EQ(code_of(nested(17)), "json_too_deep");
  EXPECT_EQ(code_of(nested(500000)), "json_too_deep");
  EXPECT_EQ(code_of(R"({"a":{"b":[]}})", {.depth = 2}), "json_too_deep");
  EXPECT_EQ(code_of(R"({"a":{"b":0}})", {.depth = 2}), "");
  EXPECT_EQ(code_of("1", {.depth = 0}), "");
}

TEST(ParseJson, SizeIsLimited) {
  EXPECT_EQ(code_of("[1, 2]", {.bytes = 6}), "");
  EXPECT_EQ(code_of("[1, 2]", {.bytes = 5}), "json_too_large");
  EXPECT_EQ(code_of(std::string((1 << 20) + 1, ' ')), "json_too_large");
}

class JsonFields : public testing::Test {
 protected:
  Json object_ = parse_json(R"({"s":"text","x":1.5,"b":true,"i":"42","nul":null})").value();
};

template <typename T>
std::string field_code(const Result<T>& result) {
  return result.ok() ? "" : result.error().code;
}

TEST_F(JsonFields, TypedMembers) {
  EXPECT_EQ(string_field(object_, "s").value(), "text");
  EXPECT_EQ(number_field(object_, "x").value(), 1.5);
  EXPECT_EQ(bool_field(object_, "b").value(), true);
  EXPECT_EQ(integer_field(object_, "i").value(), 42u);
}

TEST_F(JsonFields, WrongKindOrMissing) {
  EXPECT_EQ(field_code(string_field(object_, "x")), "json_field");
  EXPECT_EQ(field_code(string_field(object_, "nul")), "json_field");
  EXPECT_EQ(field_code(number_field(object_, "i")), "json_field");
  EXPECT_EQ(field_code(bool_field(object_, "s")), "json_field");
  EXPECT_EQ(field_code(integer_field(object_, "x")), "json_field");
  EXPECT_EQ(field_code(string_field(Json("s"), "s")), "json_field");
  const auto missing = number_field(object_, "absent\n");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("\"absent\\x0a\": missing"), std::string::npos);
}

TEST_F(JsonFields, IntegersAreCanonicalDecimals) {
  const auto read = [](std::string_view text) {
    return integer_field(Json(Json::Object{{"k", Json(text)}}), "k");
  };
  EXPECT_EQ(read("0").value(), 0u);
  EXPECT_EQ(read("18446744073709551615").value(), UINT64_MAX);
  for (std::string_view bad : {"",
                               "00",
                               "01",
                               "+1",
                               "-1",
                               "-0",
                               " 1",
                               "1 ",
                               "1.0",
                               "1e3",
                               "0x1",
                               "18446744073709551616",
                               "99999999999999999999999",
                               "a"}) {
    EXPECT_EQ(field_code(read(bad)), "json_field") << bad;
  }
  EXPECT_EQ(*Json::integer(UINT64_MAX).as_string(), "18446744073709551615");
}

TEST_F(JsonFields, ExactFields) {
  EXPECT_TRUE(exact_fields(object_, {"s", "x", "b", "i", "nul"}).ok());
  EXPECT_EQ(field_code(exact_fields(object_, {"s", "x", "b", "i"})), "json_field");
  EXPECT_EQ(field_code(exact_fields(object_, {"s", "x", "b", "i", "nul", "more"})), "json_field");
  EXPECT_EQ(field_code(exact_fields(Json(1), {})), "json_field");
  EXPECT_TRUE(exact_fields(Json(Json::Object()), {}).ok());
}

}  // namespace
}  // namespace ginn::crypto
