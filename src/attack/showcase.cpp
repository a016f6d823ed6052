#include "attack/showcase.h"

#include <algorithm>
#include <map>

namespace ginn::attack {
Result<std::vector<ShownImage>> first_of_each_class(const data::RecordSource& test,
                                                    const Trigger& trigger,
                                                    uint32_t target,
                                                    size_t most) {
  std::map<uint32_t, std::vector<ShownImage>> classes;
  std::vector<uint8_t> record(test.facts().record_bytes());
  for (uint64_t i = 0; i < test.facts().records; ++i) {
    GINN_TRY(test.read(i, record));
    const uint32_t label = label_of(record);
    if (label == target || classes[label].size() >= most) continue;
    const std::span<uint8_t> pixels = pixels_of(record);
    ShownImage image{label, {pixels.begin(), pixels.end()}, {}};
    trigger.apply(pixels);
    image.triggered.assign(pixels.begin(), pixels.end());
    classes[label].push_back(std::move(image));
  }
  std::vector<ShownImage> shown;
  for (size_t turn = 0; turn < most; ++turn) {
    for (const auto& [label, images] : classes) {
      if (turn < images.size() && shown.size() < most) shown.push_back(images[turn]);
    }
  }
  return shown;
}

// Asked class by class: evaluate() counts what is right.
Result<uint32_t> predicted_class(const training::Training& training,
                                 const float* weights,
                                 const training::RunningStatistics& statistics,
                                 std::span<const uint8_t> pixels,
                                 ThreadPool& pool) {
  const data::DatasetFacts& facts = training.job().data;
  std::vector<uint8_t> record(facts.record_bytes());
  GINN_CHECK(pixels.size() + 2 == record.size());
  std::copy(pixels.begin(), pixels.end(), pixels_of(record).begin());
  for (uint32_t label = 0; label < facts.classes; ++label) {
    set_label(record, label);
    const OneRecord image(facts, record);
    GINN_ASSIGN(const auto found, training.evaluate(image, weights, statistics, pool));
    if (found.correct == 1) return label;
  }
  return environment_error("no_class", "the model gives an image no class");
}

}  // namespace ginn::attack
