#include "base/thread_pool.h"

#include <pthread.h>
#include <xmmintrin.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/affinity.h"
#include "base/check.h"
#include "base/text.h"

namespace ginn {

void check_float_environment() {
  // Bits 0..5 are sticky exception flags; the rest must be "all masked, nearest, no FTZ, no DAZ".
  constexpr unsigned kFlags = 0x3f;
  constexpr unsigned kDefault = 0x1f80;
  GINN_CHECK((_mm_getcsr() & ~kFlags) == kDefault);
}

ThreadPool::ThreadPool(size_t threads, std::vector<int> cpus) : cpus_(std::move(cpus)) {
  check_float_environment();
  GINN_CHECK(cpus_.empty() || cpus_.size() == std::max<size_t>(threads, 1));
  try {
    for (size_t i = 1; i < threads; ++i) workers_.emplace_back([this, i] { run(i); });
  } catch (const std::system_error& error) {
    end_workers();
    throw std::system_error(error.code(), concat(threads, " threads cannot be started"));
  } catch (...) {
    end_workers();
    throw;
  }
  for (size_t i = 0; i < cpus_.size(); ++i) {
    const int error = bind(i);
    if (error == 0) continue;
    end_workers();
    throw std::system_error(
        error, std::generic_category(), concat("no thread can run on CPU ", cpus_[i]));
  }
}

// The caller's is only tried here. An error number, or 0.
int ThreadPool::bind(size_t thread) {
  if (thread == 0) return CpuBinding(cpus_of(0)).bound() ? 0 : EINVAL;
  const cpu_set_t set = cpu_set(cpus_of(thread));
  return ::pthread_setaffinity_np(workers_[thread - 1].native_handle(), sizeof set, &set);
}

ThreadPool::~ThreadPool() { end_workers(); }

std::vector<int> ThreadPool::cpus_of(size_t thread) const {
  return cpus_.empty() ? std::vector<int>() : std::vector<int>{cpus_[thread]};
}

void ThreadPool::end_workers() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void parallel_for(ThreadPool* pool, size_t count, const std::function<void(size_t, size_t)>& body) {
  if (pool != nullptr) return pool->parallel_for(count, body);
  for (size_t i = 0; i < count; ++i) body(i, 0);
}

void ThreadPool::parallel_for(size_t count, const std::function<void(size_t, size_t)>& body) {
  const CpuBinding binding(cpus_of(0));
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
