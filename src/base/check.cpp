#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace ginn {

void check_failed(const char* file, int line, const char* expression) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, expression);
  std::abort();
}

}  // namespace ginn
