#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ginn {

// A fixed set of threads for data-parallel loops. `threads` counts the caller: ThreadPool(1) starts
// none. Every thread checks that MXCSR is the default (round to nearest, no FTZ, no DAZ).
class ThreadPool {
 public:
  // Throws std::system_error when a thread cannot be started; those that were are ended. With
  // `cpus`, of which there is one a thread, thread i runs on cpus[i] alone, the caller only while
  // it is in a loop: threads that it starts elsewhere are not bound. Throws, too, when one cannot.
  explicit ThreadPool(size_t threads, std::vector<int> cpus = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  size_t size() const { return workers_.size() + 1; }

  // Calls body(index, thread) for index in [0, count), thread in [0, size()); returns when all are
  // done. Which thread takes which index is not defined: nothing may depend on it.
  // One loop at a time: a body must not start another on this pool, nor may a second caller. When
  // a body throws (memory runs out), no further index is begun, and the first exception is thrown
  // here once every thread is done.
  void parallel_for(size_t count, const std::function<void(size_t index, size_t thread)>& body);

 private:
  std::vector<int> cpus_of(size_t thread) const;
  int bind(size_t thread);
  void run(size_t thread);
  void work(size_t thread);
  void end_workers();

  const std::vector<int> cpus_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable done_;
  const std::function<void(size_t, size_t)>* body_ = nullptr;
  size_t count_ = 0;
  size_t next_ = 0;
  size_t active_ = 0;
  uint64_t generation_ = 0;
  std::exception_ptr failure_;  // of the current loop
  bool stop_ = false;
};

// Without a pool, on the caller alone.
inline size_t threads_of(const ThreadPool* pool) { return pool == nullptr ? 1 : pool->size(); }
void parallel_for(ThreadPool* pool,
                  size_t count,
                  const std::function<void(size_t index, size_t thread)>& body);

// Aborts when this thread's floating-point environment is not IEEE 754's default.
void check_float_environment();

}  // namespace ginn
