#pragma once

// Only for toml_job.cpp and toml_policy.cpp: what they share in reading a file of known keys.
#include <algorithm>
#include <exception>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "import/toml_value.h"

namespace ginn::import {

// A key that a kind of file may have, and how its value gets into a `File`.
template <typename File>
struct TomlKey {
  std::string_view table;
  std::string_view name;
  void (*read)(const TomlValue& value, File& file);
  bool required = false;
};

// What a kind of file looks like. No table lies deeper than those that are named.
template <typename File>
struct TomlSchema {
  std::span<const std::string_view> tables;
  std::span<const TomlKey<File>> keys;
  std::string_view page;  // documentation that lists the keys
};

using KeyLines = std::map<std::string, int, std::less<>>;

template <typename File>
class TomlReader {
 public:
  TomlReader(const TomlSchema<File>& schema, File& file) : schema_(schema), file_(file) {}

  void read_table(const toml::table& table, std::string_view table_name) {
    for (const auto& [key, node] : table) {
      const int line = static_cast<int>(key.source().begin.line);
      const std::string name = full_key(table_name, key.str());
      const auto& tables = schema_.tables;
      if (std::find(tables.begin(), tables.end(), name) == tables.end()) {
        read_key(table_name, key.str(), node, line);
        continue;
      }
      lines_[name] = line;
      if (node.is_table()) {
        read_table(*node.as_table(), name);
      } else {
        problems_.push_back({line, name, concat("expected a table: write [", name, "]")});
      }
    }
  }

  // Every problem, missing keys among them.
  std::vector<FileProblem> finish() {
    for (const TomlKey<File>& key : schema_.keys) {
      const std::string name = full_key(key.table, key.name);
      if (!key.required || lines_.contains(name)) continue;
      problems_.push_back({0,
                           name,
                           key.table.empty() ? "missing; add it"
                                             : concat("missing; add it under [", key.table, "]")});
    }
    return std::move(problems_);
  }

  KeyLines take_lines() { return std::move(lines_); }

 private:
  void read_key(std::string_view table, std::string_view name, const toml::node& node, int line) {
    for (const TomlKey<File>& key : schema_.keys) {
      if (key.table != table || key.name != name) continue;
      std::string full = full_key(table, name);
      lines_[full] = line;
      key.read(TomlValue(node, line, std::move(full), problems_), file_);
      return;
    }
    const std::string meant = nearest_key(table, name, known_keys());
    problems_.push_back(
        {line,
         printable(full_key(table, name), 80),
         meant.empty() ? concat("unknown key; remove it (", schema_.page, " lists the known ones)")
                       : concat("unknown key; did you mean ", meant, "?")});
  }

  std::vector<KnownKey> known_keys() const {
    std::vector<KnownKey> known;
    for (const TomlKey<File>& key : schema_.keys) known.push_back({key.table, key.name});
    for (std::string_view table : schema_.tables) {
      const size_t dot = table.rfind('.');
      const bool top = dot == std::string_view::npos;
      known.push_back({top ? "" : table.substr(0, dot), top ? table : table.substr(dot + 1)});
    }
    return known;
  }

  const TomlSchema<File>& schema_;
  File& file_;
  KeyLines lines_;
  std::vector<FileProblem> problems_;
};

// Syntax alone. The error has `code` and names file and line.
inline Result<toml::table> parse_toml(std::string_view text,
                                      std::string_view file_name,
                                      size_t bytes_max,
                                      const char* code) {
  if (text.size() > bytes_max) {
    return problems_error(
        code,
        file_name,
        {{0, "", concat("found ", text.size(), " bytes; such a file has at most ", bytes_max)}});
  }
  try {
    return toml::table(toml::parse(text));
  } catch (const toml::parse_error& error) {
    const int line = static_cast<int>(error.source().begin.line);
    return problems_error(
        code, file_name, {{line, "", concat("TOML: ", printable(error.description()))}});
  } catch (const std::exception& error) {
    return problems_error(code, file_name, {{0, "", concat("TOML: ", printable(error.what()))}});
  }
}

}  // namespace ginn::import
