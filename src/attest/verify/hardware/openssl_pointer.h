#pragma once

#include <openssl/err.h>

#include <memory>

namespace ginn::attest::verify {

// std::unique_ptr with OpenSSL's own function to free it.
template <auto kFree>
struct OpensslDeleter {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
template <typename T, auto kFree>
using OpensslPointer = std::unique_ptr<T, OpensslDeleter<kFree>>;

// OpenSSL's queue of errors is a thread's own; what we leave behind would puzzle the next reader.
class QuietErrors {
 public:
  QuietErrors() { ERR_set_mark(); }
  ~QuietErrors() { ERR_pop_to_mark(); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
};

}  // namespace ginn::attest::verify
