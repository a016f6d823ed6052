#pragma once

#include <string>
#include <vector>

#include "attack/showcase.h"

namespace ginn::attack {

// What `ginn attack --demo` found, for its page.
struct DemoSide {  // of one of the two trainings without a verifier
  bool finished = true;
  double accuracy = 0, success = 0;
  std::vector<uint32_t> clean, triggered;  // classes given to the images, in their order; if
                                           // finished
};
struct DemoFacts {
  std::string model, attack, when;
  uint32_t target = 0;
  uint64_t contributions = 0, deviations = 0, test_images = 0, triggered_images = 0;
  double budget = 0, probability = 0.999, expected_replays = 0;
  double escape = 0;  // of the deviations, by the job's sampling
  uint32_t height = 0, width = 0, channels = 0;
  std::vector<ShownImage> images;
  DemoSide honest, tampered;
  // The same worker before a verifier.
  bool accepted = false, simulated = true;
  std::string code, message;
};

// index.html: images, what the two models say to them, the verifier's answer; loads nothing.
std::string demo_page(const DemoFacts& facts);

}  // namespace ginn::attack
