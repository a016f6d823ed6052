#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"

namespace ginn::crypto {

// A JSON value. Objects keep their keys sorted (by bytes; our keys are ASCII, so this is the order
// of RFC 8785).
class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json, std::less<>>;

  Json() : value_(nullptr) {}
  Json(std::nullptr_t) : value_(nullptr) {}                     // NOLINT
  Json(bool value) : value_(value) {}                           // NOLINT
  Json(double value) : value_(value) {}                         // NOLINT
  Json(int value) : value_(static_cast<double>(value)) {}       // NOLINT
  Json(const char* value) : value_(std::string(value)) {}       // NOLINT
  Json(std::string value) : value_(std::move(value)) {}         // NOLINT
  Json(std::string_view value) : value_(std::string(value)) {}  // NOLINT
  Json(Array value) : value_(std::move(value)) {}               // NOLINT
  Json(Object value) : value_(std::move(value)) {}              // NOLINT
  // 64-bit integers travel as strings (RFC 8785, section 6).
  static Json integer(uint64_t value) { return Json(std::to_string(value)); }

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  const bool* as_bool() const { return std::get_if<bool>(&value_); }
  const double* as_number() const { return std::get_if<double>(&value_); }
  const std::string* as_string() const { return std::get_if<std::string>(&value_); }
  const Array* as_array() const { return std::get_if<Array>(&value_); }
  const Object* as_object() const { return std::get_if<Object>(&value_); }
  Array* as_array() { return std::get_if<Array>(&value_); }
  Object* as_object() { return std::get_if<Object>(&value_); }

  // The member of an object, or nullptr when this is no object or has no such key.
  const Json* find(std::string_view key) const;
  bool operator==(const Json& other) const = default;

 private:
  std::variant<std::nullptr_t, bool, double, std::string, Array, Object> value_;
};

struct JsonLimits {
  size_t bytes = 1 << 20;
  size_t depth = 16;
};

// Strict: one value, UTF-8, no duplicate keys, finite numbers. Codes: "json_too_large",
// "json_too_deep", "json_duplicate_key", "json_syntax" (with the offset).
Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

// RFC 8785 (JCS): sorted keys, no white space, shortest numbers as ECMAScript prints them.
std::string canonical_json(const Json& value);
// Two-space indented, for people; parses to the same value.
std::string pretty_json(const Json& value);

// Typed members of an object, for parsers of hostile documents. Code "json_field", naming `key`.
Result<std::string> string_field(const Json& object, std::string_view key);
Result<double> number_field(const Json& object, std::string_view key);
Result<bool> bool_field(const Json& object, std::string_view key);
// An integer that travels as a decimal string; canonical (no sign, no leading zero).
Result<uint64_t> integer_field(const Json& object, std::string_view key);
// The member "ginn" of a document of ours: "NAME/vN".
std::string format_text(std::string_view name, uint32_t version);
// Checks that member. Codes: string_field's, "json_field" when it
// is of no such form or older than `known` allows for, `newer` (a literal) when N is above `known`.
Status check_format(const Json& object, std::string_view name, uint32_t known, const char* newer);
// Code "json_field" when the object has a key that is not listed, or lacks one that is.
Status exact_fields(const Json& object, std::initializer_list<std::string_view> keys);

}  // namespace ginn::crypto
