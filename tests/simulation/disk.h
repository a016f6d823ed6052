#pragma once

#include <map>
#include <set>
#include <string>

#include "base/folder.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/events.h"

namespace ginn::simulation {

// A folder whose files outlive a crash: what is durable, and what only looks written.
class Disk final : public Folder {
 public:
  Disk(Chance& chance, const Faults& faults, Events& events)
      : chance_(chance), faults_(faults), events_(events) {}

  Result<Bytes> read(std::string_view name, uint64_t limit) const override;
  // Also throws Crash: the old file is left, or the new one, or a part of it.
  Status write(std::string_view name, ByteView bytes) override;
  Status remove(std::string_view name) override;

  // The simulated TEE's counter: it fails or crashes, but what it has said stays.
  Result<Bytes> load_counter() const;
  Status store_counter(ByteView bytes);

  void crash() { now_ = durable_; }
  void shut_down() { durable_ = now_; }  // an ordered end of the process
  // A whole file; null when there is none, or only a part of one.
  const Bytes* find(std::string_view name) const;
  bool torn(std::string_view name) const { return torn_.contains(name); }
  bool has(std::string_view name) const { return now_.contains(name); }
  void clear();  // another folder
  void drop(std::string_view name);
  const std::map<std::string, Bytes, std::less<>>& files() const { return now_; }

 private:
  Chance& chance_;
  const Faults& faults_;
  Events& events_;
  std::map<std::string, Bytes, std::less<>> now_, durable_;
  std::set<std::string, std::less<>> torn_;
  Bytes counter_;
};

}  // namespace ginn::simulation
