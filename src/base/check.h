#pragma once

namespace ginn {
// Prints where an invariant broke and aborts. Not for hostile input: that gives a Result.
[[noreturn]] void check_failed(const char* file, int line, const char* expression);
}  // namespace ginn

// Stays on in release builds. Hostile input that reaches a failing CHECK is a bug.
#define GINN_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::ginn::check_failed(__FILE__, __LINE__, #expression))
