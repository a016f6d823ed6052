#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/oracle/oracle.h"

namespace ginn::oracle {

// The same models in float64 and textbook formulas, without quantisation: what the integer step
// approximates. It shares the types of Spec and Parameter with the oracle and no code.
struct ReferenceStep {
  double loss = 0;                             // mean over the images
  std::vector<double> logits;                  // [N, classes]
  std::vector<std::vector<double>> gradients;  // of the mean loss, by parameter, unclipped
};

bool has_reference(const std::string& model);  // the others end the program

// Where ReLU and max pooling let the gradient through is a matter of the last bit: a few flipped
// gates move a gradient by several per cent. With `gates` (Oracle::tensors(), the stored
// activations by name) the reference opens the gates that the integer step opened, so that what is
// left to compare is arithmetic. The forward pass does not look at them.
using Gates = std::map<std::string, Tensor16>;

// images u8 [n,H,W,C], batch norm with the statistics of these images.
ReferenceStep reference_step(const Spec& spec,
                             const std::vector<Parameter>& parameters,
                             const std::vector<uint8_t>& images,
                             const std::vector<uint32_t>& labels,
                             const Gates* gates = nullptr);

std::vector<std::vector<double>> reference_gradients(const Spec& spec,
                                                     const std::vector<Parameter>& parameters,
                                                     const std::vector<uint8_t>& images,
                                                     const std::vector<uint32_t>& labels,
                                                     const Gates* gates = nullptr);

// Of the same models in evaluation, batch norm with `running` (by its name): what every float
// framework computes from a model file. [N, classes].
using Running = std::map<std::string, Oracle::Running>;
std::vector<double> reference_logits(const Spec& spec,
                                     const std::vector<Parameter>& parameters,
                                     const Running& running,
                                     const std::vector<uint8_t>& images);

// |a - b| / |b| in the Euclidean norm; |a| if b is zero.
double relative_error(const std::vector<float>& a, const std::vector<double>& b);

}  // namespace ginn::oracle
