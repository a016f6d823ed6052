#include <algorithm>

#include "base/text.h"
#include "base/version.h"
#include "crypto/json.h"

namespace ginn::crypto {
namespace {

Error field_error(std::string_view key, std::string_view problem) {
  return input_error("json_field", concat("key \"", printable(key, 80), "\": ", problem));
}

Result<const Json*> member(const Json& object, std::string_view key) {
  if (object.as_object() == nullptr) {
    return field_error(key, "expected in an object; the value that should hold it is none");
  }
  const Json* found = object.find(key);
  if (found == nullptr) return field_error(key, "missing");
  return found;
}

std::string_view kind_of(const Json& value) {
  if (value.as_bool() != nullptr) return "true or false";
  if (value.as_number() != nullptr) return "a number";
  if (value.as_string() != nullptr) return "a string";
  if (value.as_array() != nullptr) return "an array";
  if (value.as_object() != nullptr) return "an object";
  return "null";
}

template <typename T>
Result<T> typed(const Json& object,
                std::string_view key,
                const T* (Json::*as)() const,
                std::string_view expected) {
  GINN_ASSIGN(const Json* found, member(object, key));
  const T* value = (found->*as)();
  if (value == nullptr) {
    return field_error(key, concat("found ", kind_of(*found), "; expected ", expected));
  }
  return *value;
}

}  // namespace

const Json* Json::find(std::string_view key) const {
  const Object* object = as_object();
  if (object == nullptr) return nullptr;
  const auto place = object->find(key);
  return place == object->end() ? nullptr : &place->second;
}

Result<std::string> string_field(const Json& object, std::string_view key) {
  return typed<std::string>(object, key, &Json::as_string, "a string");
}

std::string format_text(std::string_view name, uint32_t version) {
  return concat(name, "/v", version);
}

Status check_format(const Json& object, std::string_view name, uint32_t known, const char* newer) {
  constexpr std::string_view kKey = "ginn";
  GINN_ASSIGN(const std::string text, string_field(object, kKey));
  const auto version = version_in(text, concat(name, "/v"));
  if (!version || *version < known) {
    const std::string expected = format_text(name, known);
    return field_error(kKey,
                       concat("found \"", printable(text, 40), "\"; expected \"", expected, '"'));
  }
  return refuse_newer(newer, name, version, known);
}

Result<double> number_field(const Json& object, std::string_view key) {
  return typed<double>(object, key, &Json::as_number, "a number");
}

Result<bool> bool_field(const Json& object, std::string_view key) {
  return typed<bool>(object, key, &Json::as_bool, "true or false");
}

Result<uint64_t> integer_field(const Json& object, std::string_view key) {
  GINN_ASSIGN(const std::string text, string_field(object, key));
  uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  // One text for each number: reading and writing again gives the same.
  if (read.ec != std::errc() || text != std::to_string(value)) {
    return field_error(key,
                       concat("found \"",
                              printable(text, 40),
                              "\"; expected an integer from 0 to 2^64 - 1 in decimal"));
  }
  return value;
}

Status exact_fields(const Json& object, std::initializer_list<std::string_view> keys) {
  const Json::Object* members = object.as_object();
  if (members == nullptr) {
    return input_error("json_field", concat("found ", kind_of(object), "; expected an object"));
  }
  for (std::string_view key : keys) GINN_TRY(member(object, key));
  for (const auto& [key, value] : *members) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      return field_error(key, "not known here; remove it");
    }
  }
  return ok_status();
}

}  // namespace ginn::crypto
