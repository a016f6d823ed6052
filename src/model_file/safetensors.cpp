#include "model_file/safetensors.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>

#include "base/text.h"
#include "crypto/json.h"

namespace ginn::model_file {
namespace {

using crypto::Json;

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr size_t kLengthBytes = 8;
constexpr size_t kAlignment = 8;
constexpr double kMaxExactInteger = 9007199254740992.0;  // 2^53

struct DtypeFacts {
  std::string_view name;
  size_t bytes;
};
constexpr DtypeFacts kDtypes[] = {  // as Dtype
    {"F32", 4},
    {"F64", 8},
    {"F16", 2},
    {"BF16", 2},
    {"I64", 8},
    {"I32", 4},
    {"I16", 2},
    {"I8", 1},
    {"U8", 1}};

Status check_name(std::string_view name) {
  const bool good =
      !name.empty() && name.size() <= kMaxNameBytes && name != kMetadataKey &&
      std::all_of(name.begin(), name.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (good) return ok_status();
  return input_error("safetensors_name",
                     concat("tensor name \"",
                            printable(name),
                            "\": expected 1 to ",
                            kMaxNameBytes,
                            " printable ASCII characters other than ",
                            kMetadataKey));
}

// Bytes of a tensor; nullopt when the product does not fit in 64 bits or the rank is over the
// limit.
std::optional<uint64_t> tensor_bytes(Dtype dtype, const std::vector<uint64_t>& shape) {
  if (shape.size() > kMaxRank) return std::nullopt;
  uint64_t bytes = dtype_bytes(dtype);
  for (uint64_t extent : shape) {
    if (extent != 0 && bytes > std::numeric_limits<uint64_t>::max() / extent) return std::nullopt;
    bytes *= extent;
  }
  return bytes;
}

Error bad_shape(std::string_view name) {
  return input_error("safetensors_shape",
                     concat("tensor \"",
                            printable(name),
                            "\": expected a shape of at most ",
                            kMaxRank,
                            " integers in [0, 2^53) whose product in bytes fits in 64 bits"));
}

Error bad_size(std::string_view name, uint64_t found, uint64_t expected) {
  return input_error("safetensors_size",
                     concat("tensor \"",
                            printable(name),
                            "\" has ",
                            found,
                            " bytes of data; its shape and type need ",
                            expected));
}

Error bad_offsets(std::string_view name, std::string_view why) {
  return input_error("safetensors_offsets",
                     concat("tensor \"", printable(name), "\": data_offsets ", why));
}

std::optional<uint64_t> exact_integer(const Json& value) {
  const double* number = value.as_number();
  if (number == nullptr || !(*number >= 0) || *number >= kMaxExactInteger) return std::nullopt;
  const auto integer = static_cast<uint64_t>(*number);
  if (static_cast<double>(integer) != *number) return std::nullopt;
  return integer;
}

std::optional<Dtype> parse_dtype(std::string_view name) {
  for (size_t i = 0; i < std::size(kDtypes); ++i) {
    if (kDtypes[i].name == name) return static_cast<Dtype>(i);
  }
  return std::nullopt;
}

std::string quoted(std::string_view text) { return crypto::canonical_json(Json(text)); }

std::string tensor_entry(const NamedTensor& tensor, uint64_t begin, uint64_t end) {
  std::string out =
      concat(quoted(tensor.name), ":{\"dtype\":\"", dtype_name(tensor.dtype), "\",\"shape\":[");
  for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    if (axis > 0) out += ',';
    append_text(out, tensor.shape[axis]);
  }
  return out + concat("],\"data_offsets\":[", begin, ",", end, "]}");
}

struct Entry {
  NamedTensor tensor;  // data still empty
  uint64_t begin = 0;
  uint64_t end = 0;
};

Result<Entry> parse_entry(const std::string& name, const Json& value, uint64_t data_bytes) {
  GINN_TRY(check_name(name));
  const Json* dtype = value.find("dtype");
  const Json* shape = value.find("shape");
  const Json* offsets = value.find("data_offsets");
  if (dtype == nullptr || dtype->as_string() == nullptr || shape == nullptr ||
      shape->as_array() == nullptr || offsets == nullptr || offsets->as_array() == nullptr ||
      value.as_object()->size() != 3) {
    return input_error("safetensors_field",
                       concat("tensor \"",
                              printable(name),
                              "\": expected exactly dtype (text), shape and data_offsets (lists)"));
  }
  Entry entry;
  entry.tensor.name = name;
  const auto parsed_dtype = parse_dtype(*dtype->as_string());
  if (!parsed_dtype) {
    return input_error("safetensors_dtype",
                       concat("tensor \"",
                              printable(name),
                              "\" is of type ",
                              printable(*dtype->as_string(), 20),
                              "; readable are F32, F64, F16, BF16, I64, I32, I16, I8, U8"));
  }
  entry.tensor.dtype = *parsed_dtype;
  if (shape->as_array()->size() > kMaxRank) return bad_shape(name);
  for (const Json& extent : *shape->as_array()) {
    const auto integer = exact_integer(extent);
    if (!integer) return bad_shape(name);
    entry.tensor.shape.push_back(*integer);
  }
  const auto bytes = tensor_bytes(entry.tensor.dtype, entry.tensor.shape);
  if (!bytes) return bad_shape(name);
  const Json::Array& pair = *offsets->as_array();
  const auto begin = pair.size() == 2 ? exact_integer(pair[0]) : std::nullopt;
  const auto end = pair.size() == 2 ? exact_integer(pair[1]) : std::nullopt;
  if (!begin || !end || *begin > *end)
    return bad_offsets(name, "are not [begin, end], begin <= end");
  if (*end > data_bytes) {
    return bad_offsets(name, concat("end at ", *end, ", past the ", data_bytes, " bytes of data"));
  }
  if (*end - *begin != *bytes) return bad_size(name, *end - *begin, *bytes);
  entry.begin = *begin;
  entry.end = *end;
  return entry;
}

Result<Metadata> parse_metadata(const Json& value) {
  Metadata metadata;
  if (value.as_object() == nullptr) {
    return input_error("safetensors_metadata", "__metadata__: expected an object of texts");
  }
  for (const auto& [key, text] : *value.as_object()) {
    if (text.as_string() == nullptr) {
      return input_error("safetensors_metadata",
                         concat("__metadata__ key \"", printable(key), "\": expected a text"));
    }
    metadata.emplace(key, *text.as_string());
  }
  return metadata;
}

// Entries sorted by offset must lie end to end over all of the data.
Status check_coverage(const std::vector<Entry>& entries, uint64_t data_bytes) {
  uint64_t expected = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != expected) {
      return bad_offsets(entry.tensor.name,
                         concat("begin at ", entry.begin, " where ", expected, " was expected"));
    }
    expected = entry.end;
  }
  if (expected != data_bytes) {
    return input_error("safetensors_offsets",
                       concat("tensors cover ", expected, " of ", data_bytes, " bytes of data"));
  }
  return ok_status();
}

// The header text of a file, with its lengths checked.
Result<std::string_view> header_of(ByteView file) {
  ByteReader reader(file);
  auto length = reader.u64();
  if (!length.ok()) {
    return input_error("safetensors_truncated",
                       concat("file has ", file.size(), " bytes; expected a header length of 8"));
  }
  if (*length > kMaxHeaderBytes || *length < 2) {
    return input_error("safetensors_header_size",
                       concat("header of ", *length, " bytes; expected 2 to ", kMaxHeaderBytes));
  }
  auto header = reader.take(static_cast<size_t>(*length));
  if (!header.ok()) {
    return input_error(
        "safetensors_truncated",
        concat(
            "header of ", *length, " bytes announced, ", reader.remaining(), " left in the file"));
  }
  const std::string_view text = as_text(*header);
  if (text.front() != '{') {
    return input_error("safetensors_header", "header does not start with {");
  }
  return text;
}

}  // namespace

std::string_view dtype_name(Dtype dtype) { return kDtypes[static_cast<size_t>(dtype)].name; }
float widen_f16(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t exponent = (bits >> 10) & 31u;
  const uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0) {  // subnormal or zero: fraction 2^-24, exact
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
  }
  const uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

float widen_bf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

size_t dtype_bytes(Dtype dtype) { return kDtypes[static_cast<size_t>(dtype)].bytes; }

Result<Bytes> write_safetensors(const std::vector<NamedTensor>& tensors, const Metadata& metadata) {
  std::string header = "{";
  if (!metadata.empty()) {
    Json::Object object;
    for (const auto& [key, text] : metadata) object.emplace(key, Json(text));
    header += concat("\"", kMetadataKey, "\":", crypto::canonical_json(Json(std::move(object))));
  }
  std::map<std::string_view, size_t> seen;
  uint64_t offset = 0;  // sum of sizes in memory: fits
  for (const NamedTensor& tensor : tensors) {
    GINN_TRY(check_name(tensor.name));
    if (!seen.emplace(tensor.name, seen.size()).second) {
      return input_error("safetensors_name", concat("tensor \"", tensor.name, "\" given twice"));
    }
    const auto bytes = tensor_bytes(tensor.dtype, tensor.shape);
    if (!bytes) return bad_shape(tensor.name);
    if (tensor.data.size() != *bytes) return bad_size(tensor.name, tensor.data.size(), *bytes);
    if (header.size() > 1) header += ',';
    header += tensor_entry(tensor, offset, offset + *bytes);
    offset += *bytes;
  }
  header += '}';
  while ((kLengthBytes + header.size()) % kAlignment != 0) header += ' ';
  if (header.size() > kMaxHeaderBytes || tensors.size() > kMaxTensors) {
    return input_error("safetensors_header_size",
                       concat(tensors.size(),
                              " tensors with a header of ",
                              header.size(),
                              " bytes; at most ",
                              kMaxTensors,
                              " and ",
                              kMaxHeaderBytes));
  }
  ByteWriter writer;
  writer.u64(header.size());
  writer.text(header);
  for (const NamedTensor& tensor : tensors) writer.bytes(tensor.data);
  return writer.finish();
}

Result<TensorFile> parse_safetensors(ByteView file) {
  GINN_ASSIGN(const std::string_view header, header_of(file));
  const uint64_t data_bytes = file.size() - kLengthBytes - header.size();
  const ByteView data = file.subspan(kLengthBytes + header.size());
  GINN_ASSIGN(const Json root, crypto::parse_json(header, {.bytes = kMaxHeaderBytes, .depth = 4}));
  const Json::Object* object = root.as_object();
  if (object == nullptr || object->size() > kMaxTensors + 1) {
    return input_error("safetensors_header",
                       concat("expected an object of at most ", kMaxTensors, " tensors"));
  }
  TensorFile result;
  std::vector<Entry> entries;
  for (const auto& [name, value] : *object) {
    if (name == kMetadataKey) {
      GINN_ASSIGN(result.metadata, parse_metadata(value));
      continue;
    }
    GINN_ASSIGN(Entry entry, parse_entry(name, value, data_bytes));
    entries.push_back(std::move(entry));
  }
  // Empty tensors come before the data that starts where they stand.
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  GINN_TRY(check_coverage(entries, data_bytes));
  for (Entry& entry : entries) {
    const ByteView bytes = data.subspan(static_cast<size_t>(entry.begin),
                                        static_cast<size_t>(entry.end - entry.begin));
    entry.tensor.data.assign(bytes.begin(), bytes.end());
    result.tensors.push_back(std::move(entry.tensor));
  }
  return result;
}

}  // namespace ginn::model_file
