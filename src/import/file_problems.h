#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ginn::import {

// One thing wrong with a file that a person wrote. `line` is 0 when it is about a key that the file
// does not have.
struct FileProblem {
  int line = 0;
  std::string key;  // "train.lr.peak"; empty for syntax
  std::string message;
};

// "file:12: train.batch: message", one line a problem, in the order of the file; 50 at most, the
// rest is counted.
Error problems_error(const char* code,
                     std::string_view file_name,
                     std::vector<FileProblem> problems);

// Edits (insert, delete, replace one character) from `a` to the nearest beginning of `b`; both are
// short.
size_t prefix_distance(std::string_view a, std::string_view b);

std::string full_key(std::string_view table, std::string_view name);  // "train.batch"

struct KnownKey {
  std::string_view table;
  std::string_view name;
};
// The known key that `name` of `table` was probably meant to be; empty: none is near. A key of
// another table with the same name counts as near, after a misspelling in its own.
std::string nearest_key(std::string_view table,
                        std::string_view name,
                        std::span<const KnownKey> known);

}  // namespace ginn::import
