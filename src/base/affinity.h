#pragma once

#include <sched.h>

#include <vector>

namespace ginn {

// The CPUs that the calling thread may run on, in their order; empty when the system does not say.
std::vector<int> usable_cpus();

// Keeps the calling thread on these CPUs; when it ends, the thread may run where it could before.
// Where a thread runs changes nothing but speed.
class CpuBinding {
 public:
  explicit CpuBinding(const std::vector<int>& cpus);  // none: changes nothing
  ~CpuBinding();
  CpuBinding(const CpuBinding&) = delete;
  CpuBinding& operator=(const CpuBinding&) = delete;

  bool bound() const { return bound_; }  // false: no CPUs, or the system refused

 private:
  cpu_set_t before_;
  bool bound_ = false;
};

// The set of these CPUs.
cpu_set_t cpu_set(const std::vector<int>& cpus);

}  // namespace ginn
