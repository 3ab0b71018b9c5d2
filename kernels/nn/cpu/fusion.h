// Prologue and Epilogue done step by step: here they save nothing, for a row of a tensor stays in
// the caches between two ops.
#pragma once

#include "kernels/core/arena.h"
#include "kernels/nn/fusion.h"

namespace paretiny::cpu {

/// What is read in place of x: x itself, or a tensor in scratch.
ConstView read_through(Arena::Scope& scratch, const nn::Prologue& prologue, ConstView x);

/// Turns the product in y into what is stored.
void write_through(const nn::Epilogue& epilogue, View y);

}  // namespace paretiny::cpu
