#pragma once

#include <exception>
#include <new>

#include "base/result.h"

namespace ginn {

// For the edges of a thread or a program: runs `body`, which returns a Result; what it throws
// becomes an error of the environment. Codes: its own, "out_of_memory", "failed".
template <typename Body>
auto caught(const Body& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return environment_error("out_of_memory", "this machine has too little memory for this");
  } catch (const std::exception& error) {
    return environment_error("failed", error.what());
  }
}

}  // namespace ginn
