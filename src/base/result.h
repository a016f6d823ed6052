#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace ginn {

// What an error means for the program's exit code (docs/cli.md): kRefused 1, kInput 2,
// kEnvironment 3.
enum class ErrorClass { kRefused, kInput, kEnvironment };

// One way of being wrong. `code` is a string literal in snake_case that tests and tools match;
// `message` names the file, key or tensor, what was found, what was expected and what to do.
struct Error {
  ErrorClass kind = ErrorClass::kInput;
  const char* code = "";
  std::string message;
};

inline Error input_error(const char* code, std::string message) {
  return Error{ErrorClass::kInput, code, std::move(message)};
}
inline Error refused(const char* code, std::string message) {
  return Error{ErrorClass::kRefused, code, std::move(message)};
}
inline Error environment_error(const char* code, std::string message) {
  return Error{ErrorClass::kEnvironment, code, std::move(message)};
}

// A value or an Error. Hostile bytes never throw; they end here.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    GINN_CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    GINN_CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    GINN_CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  const Error& error() const {
    GINN_CHECK(!ok());
    return std::get<1>(state_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> state_;
};

struct Unit {};
using Status = Result<Unit>;
inline Status ok_status() { return Unit{}; }

}  // namespace ginn

#define GINN_CONCAT_(a, b) a##b
#define GINN_CONCAT(a, b) GINN_CONCAT_(a, b)
// GINN_TRY(status): returns the error of a Status or Result to the caller.
#define GINN_TRY(expression)                             \
  do {                                                   \
    auto ginn_status_ = (expression);                    \
    if (!ginn_status_.ok()) return ginn_status_.error(); \
  } while (false)
// GINN_ASSIGN(auto x, result): x = value, or returns the error to the caller.
#define GINN_ASSIGN(target, expression) \
  GINN_ASSIGN_(target, expression, GINN_CONCAT(ginn_result_, __LINE__))
#define GINN_ASSIGN_(target, expression, name) \
  auto name = (expression);                    \
  if (!name.ok()) return name.error();         \
  target = std::move(name).value()
