#include <gtest/gtest.h>
TEST(Simulation, Placeholder) {}
