#pragma once

// Only through toml_reader.h: toml++ costs seconds in every file that includes it.
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "crypto/sha256.h"
#include "import/file_problems.h"
#include "job/names.h"

namespace ginn::import {

inline constexpr size_t kTomlArrayMax = 100;

// The value of one key. read() stores it, or reports why it cannot.
class TomlValue {
 public:
  TomlValue(const toml::node& node, int line, std::string key, std::vector<FileProblem>& problems)
      : node_(node), line_(line), key_(std::move(key)), problems_(problems) {}

  void problem(std::string message) const {
    problems_.push_back({line_, key_, std::move(message)});
  }

  // The elements of an array of tables, each as a value; or reports why there are none.
  std::vector<TomlValue> tables() const {
    std::vector<TomlValue> out;
    const toml::array* values = node_.as_array();
    if (values == nullptr || values->size() > kTomlArrayMax) {
      problem(concat("expected at most ", kTomlArrayMax, " tables: write [[", key_, "]]"));
      return out;
    }
    for (const toml::node& element : *values) {
      if (!element.is_table()) {
        problem(concat("found ", kind(element), " in it; expected tables: write [[", key_, "]]"));
        return {};
      }
      const int line = static_cast<int>(element.source().begin.line);
      out.emplace_back(element, line, key_, problems_);
    }
    return out;
  }

  // Reads member `name` of a table, if it is there; says whether it is.
  template <typename T>
  bool read_member(std::string_view name, T& out) const {
    const toml::node* node = node_.as_table()->get(name);
    if (node == nullptr) return false;
    const int line = static_cast<int>(node->source().begin.line);
    TomlValue(*node, line, full_key(key_, name), problems_).read(out);
    return true;
  }

  // Of a table: reports every member that is not one of `known`.
  void only_members(std::initializer_list<std::string_view> known) const {
    for (const auto& [name, node] : *node_.as_table()) {
      if (std::find(known.begin(), known.end(), name.str()) != known.end()) continue;
      std::string all;
      for (std::string_view one : known) all += concat(all.empty() ? "" : ", ", one);
      problems_.push_back({static_cast<int>(name.source().begin.line),
                           printable(full_key(key_, name.str()), 80),
                           concat("unknown key; it has only ", all)});
    }
  }

  bool is_integer() const { return node_.is_integer(); }
  bool is_text(std::string_view text) const {
    const auto value = node_.value_exact<std::string>();
    return value && *value == text;
  }

  void read(double& out) const {
    if (const auto value = number_of(node_)) {
      store(*value, out);
    } else {
      wrong_type("a number");
    }
  }

  void read(std::vector<double>& out) const {
    const toml::array* values = node_.as_array();
    if (values == nullptr) return wrong_type("an array of numbers");
    if (values->size() > kTomlArrayMax) {
      return problem(concat("found ", values->size(), " values; allowed: at most ", kTomlArrayMax));
    }
    out.clear();
    for (const toml::node& element : *values) {
      const auto value = number_of(element);
      if (!value) return problem(concat("found ", kind(element), " in it; expected numbers"));
      store(*value, out.emplace_back());
    }
  }

  void read(std::vector<std::string>& out) const { elements<std::string>("strings", out); }
  void read(std::vector<int64_t>& out) const { elements<int64_t>("integers", out); }

  void read(uint64_t& out) const {
    integer(static_cast<uint64_t>(std::numeric_limits<int64_t>::max()), out);
  }

  void read(uint32_t& out) const {
    uint64_t value = out;
    integer(std::numeric_limits<uint32_t>::max(), value);
    out = static_cast<uint32_t>(value);
  }

  void read(bool& out) const {
    const auto value = node_.value_exact<bool>();
    if (!value) return wrong_type("true or false");
    out = *value;
  }

  void read(std::string& out) const {
    const auto value = node_.value_exact<std::string>();
    if (!value) return wrong_type("a string");
    out = *value;
  }

  void read_path(std::string& out) const {
    read(out);
    const bool has_control =
        std::any_of(out.begin(), out.end(), [](char c) { return c >= 0 && c < 0x20; });
    if (node_.is_string() && (out.empty() || has_control)) {
      problem(concat("found \"", printable(out), "\"; expected a path"));
    }
  }

  void read(std::optional<crypto::Digest>& out) const {
    std::string text;
    read(text);
    if (!node_.is_string()) return;
    const auto digest = crypto::parse_tagged(text);
    if (digest.ok()) {
      out = *digest;
    } else {
      problem(concat("found \"",
                     printable(text, 80),
                     "\"; expected \"sha256:\" and 64 lower-case hexadecimal digits, as ginn plan "
                     "prints them"));
    }
  }

  template <typename T, size_t n>
  void read(const std::array<job::Word<T>, n>& words, T& out) const {
    std::string text;
    read(text);
    if (!node_.is_string()) return;
    if (const auto value = job::value_of(words, text)) {
      out = *value;
    } else {
      problem(concat("found \"", printable(text, 40), "\"; allowed: ", job::all_words(words)));
    }
  }

 private:
  static std::optional<double> number_of(const toml::node& node) {
    if (const auto value = node.value_exact<double>()) return value;
    if (const auto value = node.value_exact<int64_t>()) return static_cast<double>(*value);
    return std::nullopt;
  }

  template <typename T>
  void elements(std::string_view what, std::vector<T>& out) const {
    const toml::array* values = node_.as_array();
    if (values == nullptr) return wrong_type(concat("an array of ", what));
    if (values->size() > kTomlArrayMax) {
      return problem(concat("found ", values->size(), " values; allowed: at most ", kTomlArrayMax));
    }
    out.clear();
    for (const toml::node& element : *values) {
      const auto value = element.value_exact<T>();
      if (!value) return problem(concat("found ", kind(element), " in it; expected ", what));
      out.push_back(*value);
    }
  }

  static std::string_view kind(const toml::node& node) {
    if (node.is_table()) return "a table";
    if (node.is_array()) return "an array";
    if (node.is_string()) return "a string";
    if (node.is_integer()) return "an integer";
    if (node.is_floating_point()) return "a number with a fraction";
    if (node.is_boolean()) return "true or false";
    return "a date or time";
  }

  void wrong_type(std::string_view expected) const {
    problem(concat("found ", kind(node_), "; expected ", expected));
  }

  void store(double value, double& out) const {
    if (!std::isfinite(value))
      return problem(concat("found ", value, "; expected a finite number"));
    out = value + 0.0;  // -0 becomes 0: the canonical JSON has one zero
  }

  void integer(uint64_t high, uint64_t& out) const {
    const auto value = node_.value_exact<int64_t>();
    if (!value) return wrong_type("an integer");
    if (*value < 0 || static_cast<uint64_t>(*value) > high) {
      return problem(concat("found ", *value, "; allowed: an integer from 0 to ", high));
    }
    out = static_cast<uint64_t>(*value);
  }

  const toml::node& node_;
  int line_;
  std::string key_;
  std::vector<FileProblem>& problems_;
};

}  // namespace ginn::import
