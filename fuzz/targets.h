#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace ginn::fuzz {

// A parser of hostile bytes. The one registry: libFuzzer's programs, the mutation test and the
// seeds on disk all come from it.
struct Target {
  std::string_view name;
  // Whether the bytes were accepted. Aborts when an invariant breaks: what is accepted must come
  // out the same when it is written and parsed again.
  bool (*run)(ByteView input);
  std::vector<Bytes> (*seeds)();  // all of them accepted
};

std::span<const Target> targets();
const Target* find_target(std::string_view name);  // null: no such target

}  // namespace ginn::fuzz
