#pragma once

#include "nn/operation.h"

namespace ginn::nn {

// An image whose rows and columns are some of another's, perhaps several times; the way back sums a
// pixel's copies. kind "pad": borders of its own pixels, as torch.nn.ReflectionPad2d,
// ReplicationPad2d and CircularPad2d make them, [N, H, W, C] -> [N, top + H + bottom, left + W +
// right, C]. "repeat": every pixel several times, what adaptive average pooling does to an image
// that is smaller than its output.
class CopyPixels final : public Operation {
 public:
  static constexpr uint32_t kMostCopies = 1 << 14;  // of a pixel: int32 sums; also of a border

  struct Config {
    std::string_view kind;
    std::string name;
    ValueId input = 0, output = 0;
    Extent in;
    std::vector<uint32_t> rows, columns;  // of the output: which one of the input each shows
    uint64_t copies = 0;                  // of one pixel, at most
  };
  explicit CopyPixels(Config config) : config_(std::move(config)) {}

  // Whether `size` rows (or columns) can be padded so: no borders of more than kMostCopies, less
  // than `size` to reflect, no more than `size` in a circle.
  static bool pad_fits(PadMode mode, uint32_t size, uint32_t before, uint32_t after);
  // Which one of them each of the before + size + after padded ones shows.
  static std::vector<uint32_t> padded(PadMode mode, uint32_t size, uint32_t before, uint32_t after);
  // Of `size` rows each `times` times.
  static std::vector<uint32_t> repeated(uint32_t size, uint32_t times);
  // How often the most frequent one stands there.
  static uint64_t most_copies(const std::vector<uint32_t>& sources);
  static std::string_view mode_name(PadMode mode);

  std::string_view kind() const override { return config_.kind; }
  const std::string& name() const override { return config_.name; }
  std::vector<ValueId> inputs() const override { return {config_.input}; }
  std::unique_ptr<OperationState> make_state(const Run& run) const override;
  Status forward(Run& run, OperationState& state) const override;
  Status backward(Run& run, OperationState& state) const override;

 private:
  Config config_;
};

}  // namespace ginn::nn
