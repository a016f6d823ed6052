#include "device/scratch.h"

#include "base/check.h"

namespace ginn::device {

// A chain of buffers, the newest first; `used` counts its bytes given out.
struct Scratch::Block {
  explicit Block(size_t bytes) : memory(bytes) {}
  Buffer<uint8_t> memory;
  size_t used = 0;
  std::shared_ptr<Block> older;
};

void* Scratch::take_bytes(size_t bytes) {
  // Each piece keeps kAlignment readable bytes behind its end.
  GINN_CHECK(bytes <= SIZE_MAX / 4);
  const size_t need = (bytes + 2 * kAlignment - 1) / kAlignment * kAlignment;
  if (blocks_ == nullptr || blocks_->memory.size() - blocks_->used < need) {
    auto block = std::make_shared<Block>(need);
    block->older = std::move(blocks_);
    blocks_ = std::move(block);
    capacity_ += need;
  }
  void* piece = blocks_->memory.data() + blocks_->used;
  blocks_->used += need;
  return piece;
}

Scratch& Scratch::inner() {
  if (inner_ == nullptr) inner_ = std::make_unique<Scratch>();
  return *inner_;
}

void Scratch::reset() {
  if (blocks_ == nullptr) return;
  if (blocks_->older != nullptr) {  // one block that holds what all of them held
    blocks_ = nullptr;
    blocks_ = std::make_shared<Block>(capacity_);
  }
  blocks_->used = 0;
}

}  // namespace ginn::device
