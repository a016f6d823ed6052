#include "import/file_problems.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"

namespace ginn::import {
namespace {

constexpr size_t kProblemsMax = 50;  // printed; the rest is counted

// Edits (insert, delete, replace one character) from `a` to each prefix of `b`; both are short.
std::vector<size_t> edits(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row;
}

}  // namespace

Error problems_error(const char* code,
                     std::string_view file_name,
                     std::vector<FileProblem> problems) {
  std::stable_sort(problems.begin(), problems.end(), [](const auto& a, const auto& b) {
    return a.line < b.line;
  });
  const std::string file = printable(file_name);
  std::string message;
  for (size_t i = 0; i < problems.size() && i < kProblemsMax; ++i) {
    const FileProblem& problem = problems[i];
    if (i > 0) message += '\n';
    message += problem.line > 0 ? concat(file, ":", problem.line, ": ") : concat(file, ": ");
    if (!problem.key.empty()) message += concat(problem.key, ": ");
    message += problem.message;
  }
  if (problems.size() > kProblemsMax) {
    message += concat("\n", file, ": and ", problems.size() - kProblemsMax, " problems more");
  }
  return input_error(code, std::move(message));
}

size_t prefix_distance(std::string_view a, std::string_view b) {
  const std::vector<size_t> row = edits(a, b);
  return *std::min_element(row.begin(), row.end());
}

std::string full_key(std::string_view table, std::string_view name) {
  return table.empty() ? std::string(name) : concat(table, ".", name);
}

std::string nearest_key(std::string_view table,
                        std::string_view name,
                        std::span<const KnownKey> known) {
  if (name.size() > 40) return {};
  std::string best;
  size_t best_distance = std::min<size_t>(3, name.size());
  for (const KnownKey& other : known) {
    size_t distance = edits(name, other.name).back();
    if (table != other.table) distance = distance == 0 ? 2 : 99;
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = full_key(other.table, other.name);
  }
  return best;
}

}  // namespace ginn::import
