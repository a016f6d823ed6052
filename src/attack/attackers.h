#pragma once

#include "attack/attacker.h"
#include "attack/poison.h"
#include "attack/trigger.h"

// The attackers by family, for attacker.cpp.
namespace ginn::attack {

// spoilers.cpp: ruin the model.
std::unique_ptr<Attacker> make_noise(const training::Training& training, uint64_t seed);
std::unique_ptr<Attacker> make_availability(const training::Training& training);

// lazy.cpp: save the work.
std::unique_ptr<Attacker> make_zero(const training::Training& training);
std::unique_ptr<Attacker> make_stale(const training::Training& training);
std::unique_ptr<Attacker> make_copy(const training::Training& training);
std::unique_ptr<Attacker> make_low_precision(const training::Training& training);
Result<std::unique_ptr<Attacker>> make_subsample(const training::Training& training,
                                                 const data::RecordSource& records);

// backdoor.cpp: images with a trigger, labelled as the target, mixed with clean ones.
Result<std::unique_ptr<Attacker>> make_backdoor(const training::Training& training,
                                                const data::RecordSource& records,
                                                Trigger::Kind kind,
                                                Lesson lesson,
                                                const AttackerOptions& options);
Result<std::unique_ptr<Attacker>> make_little_is_enough(const training::Training& training,
                                                        const data::RecordSource& records,
                                                        const AttackerOptions& options);

Result<std::unique_ptr<Attacker>> make_accumulative(const training::Training& training,
                                                    const data::RecordSource& records,
                                                    const AttackerOptions& options);

// target_model.cpp: trains a model with the backdoor first, then pushes towards it.
Result<std::unique_ptr<Attacker>> make_target_model(const training::Training& training,
                                                    const data::RecordSource& records,
                                                    const AttackerOptions& options);
// Pushes towards `target`, the weights of another model of the job's network.
std::unique_ptr<Attacker> make_push(const training::Training& training, std::vector<float> target);
// The job's weights had it been trained on `records`, without crop and flip, contributions combined
// as in the run. Codes: worker::train's.
Result<std::vector<float>> trained_on(const data::RecordSource& records,
                                      const training::Training& training,
                                      const AttackerOptions& options);

// handcrafted.cpp: pushes towards an honest model whose last layer was edited by hand. Code
// "attack_network" when the network does not end with a linear layer.
Result<std::unique_ptr<Attacker>> make_handcrafted(const training::Training& training,
                                                   const data::RecordSource& records,
                                                   const AttackerOptions& options);

}  // namespace ginn::attack
