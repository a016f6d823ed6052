#include "base/thread_pool.h"

#include <xmmintrin.h>

#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace ginn {

void check_float_environment() {
  // Bits 0..5 are sticky exception flags; the rest must be "all masked, nearest, no FTZ, no DAZ".
  constexpr unsigned kFlags = 0x3f;
  constexpr unsigned kDefault = 0x1f80;
  GINN_CHECK((_mm_getcsr() & ~kFlags) == kDefault);
}

ThreadPool::ThreadPool(size_t threads) {
  check_float_environment();
  try {
    for (size_t i = 1; i < threads; ++i) workers_.emplace_back([this, i] { run(i); });
  } catch (const std::system_error& error) {
    end_workers();
    throw std::system_error(error.code(), concat(threads, " threads cannot be started"));
  } catch (...) {
    end_workers();
    throw;
  }
}

ThreadPool::~ThreadPool() { end_workers(); }

void ThreadPool::end_workers() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void ThreadPool::parallel_for(size_t count, const std::function<void(size_t, size_t)>& body) {
  if (workers_.empty() || count <= 1) {
    for (size_t i = 0; i < count; ++i) body(i, 0);
    return;
  }
  {
    std::lock_guard lock(mutex_);
    GINN_CHECK(body_ == nullptr);  // one loop at a time, and none inside another
    body_ = &body;
    count_ = count;
    next_ = 0;
    failure_ = nullptr;
    active_ = workers_.size();
    ++generation_;
  }
  start_.notify_all();
  work(0);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return active_ == 0; });
  body_ = nullptr;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::work(size_t thread) {
  for (;;) {
    size_t index;
    {
      std::lock_guard lock(mutex_);
      if (next_ >= count_) return;
      index = next_++;
    }
    try {
      (*body_)(index, thread);
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      next_ = count_;
    }
  }
}

void ThreadPool::run(size_t thread) {
  check_float_environment();
  uint64_t seen = 0;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) return;
      seen = generation_;
    }
    work(thread);
    {
      std::lock_guard lock(mutex_);
      --active_;
    }
    done_.notify_one();
  }
}

}  // namespace ginn
