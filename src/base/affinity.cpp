#include "base/affinity.h"

namespace ginn {

std::vector<int> usable_cpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

cpu_set_t cpu_set(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(cpu, &set);
  return set;
}

CpuBinding::CpuBinding(const std::vector<int>& cpus) {
  if (cpus.empty() || ::sched_getaffinity(0, sizeof before_, &before_) != 0) return;
  const cpu_set_t set = cpu_set(cpus);
  bound_ = ::sched_setaffinity(0, sizeof set, &set) == 0;
}

CpuBinding::~CpuBinding() {
  if (bound_) ::sched_setaffinity(0, sizeof before_, &before_);
}

}  // namespace ginn
