#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace ginn::device {

inline constexpr size_t kAlignment = 64;  // of every buffer

// A zero-initialised, 64-byte aligned array with kAlignment bytes readable behind its end (kernels
// may load a whole vector there; what they load never reaches a result).
template <typename T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t count) : count_(count) {
    const size_t bytes = (count * sizeof(T) + 2 * kAlignment - 1) / kAlignment * kAlignment;
    void* memory = std::aligned_alloc(kAlignment, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    __builtin_memset(memory, 0, bytes);
    data_.reset(static_cast<T*>(memory));
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  size_t size() const { return count_; }
  T& operator[](size_t i) { return data_.get()[i]; }
  const T& operator[](size_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> data_;
  size_t count_ = 0;
};

// Memory that a primitive needs while it runs; grows to the largest request and is then reused, so
// a step allocates nothing after the first one. Not shared between threads.
class Scratch {
 public:
  // Uninitialised memory for `count` values of T, valid until the next reset(); aligned as Buffer.
  template <typename T>
  T* take(size_t count) {
    return static_cast<T*>(take_bytes(count * sizeof(T)));
  }
  void reset();  // gives everything back
  // Another one, for a primitive that resets it while this one's memory is in use.
  Scratch& inner();
  size_t capacity() const { return capacity_; }

 private:
  void* take_bytes(size_t bytes);
  struct Block;
  std::shared_ptr<Block> blocks_;
  std::unique_ptr<Scratch> inner_;
  size_t capacity_ = 0;
};

}  // namespace ginn::device
