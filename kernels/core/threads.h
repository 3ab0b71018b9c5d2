// Loops over threads of our own. Waiting is passive: a thread without work looks for some for a few
// microseconds and then sleeps, and a loop waits only for threads that have begun a piece of it. So
// a processor that is busy with other things delays a loop by no more than the piece it holds.
//
// What a loop computes must not depend on which thread does what: pieces are taken as threads come.
#pragma once

#include <algorithm>
#include <cstdint>

namespace paretiny {

/// Threads that a loop of the calling thread may use: as many as processors are allowed to this
/// process, or OMP_NUM_THREADS, or what `set_thread_count` said.
int thread_count();
/// For the calling thread, from now on; at least 1.
void set_thread_count(int count);

/// Starts what the calling thread's loops may use, so that memory is asked for before there is
/// work. Throws OutOfMemory where fewer can be started. A loop takes those that there are.
void start_threads();

/// Of the thread within the loop that it works for: 0 .. thread_count() - 1; 0 outside.
int thread_index();

/// piece(body, 0) .. piece(body, count - 1), shared by at most `threads` threads, the caller among
/// them. A loop within a loop, or while another has the threads, is the caller's alone. Of
/// exceptions that pieces throw it rethrows that of the first piece by index, whoever threw first;
/// pieces after that one may not have run.
using Piece = void (*)(const void* body, std::int64_t i);
void run_pieces(std::int64_t count, int threads, Piece piece, const void* body);

template <class Body>
void run_pieces(std::int64_t count, int threads, const Body& body) {
  const auto piece = [](const void* bound, std::int64_t i) {
    (*static_cast<const Body*>(bound))(i);
  };
  run_pieces(count, threads, piece, &body);
}

/// body(begin, end) for ranges that make up 0 .. count - 1. `worth`: false runs it here and now.
template <class Body>
void parallel_ranges(std::int64_t count, bool worth, const Body& body) {
  const int threads = worth ? thread_count() : 1;
  // More pieces than threads: one that is held up leaves the rest to the others.
  const std::int64_t pieces = std::min<std::int64_t>(count, threads == 1 ? 1 : 4 * threads);
  run_pieces(pieces, threads, [&](std::int64_t piece) {
    body(count * piece / pieces, count * (piece + 1) / pieces);
  });
}

/// body(0) .. body(count - 1).
template <class Body>
void parallel_for(std::int64_t count, bool worth, const Body& body) {
  parallel_ranges(count, worth, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) body(i);
  });
}

/// body(i, j) for i below `rows` and j below `columns`.
template <class Body>
void parallel_for(std::int64_t rows, std::int64_t columns, bool worth, const Body& body) {
  parallel_for(rows * columns, worth, [&](std::int64_t i) { body(i / columns, i % columns); });
}

/// The same one by one, for calls that differ in cost.
template <class Body>
void parallel_each(std::int64_t count, bool worth, const Body& body) {
  run_pieces(count, worth ? thread_count() : 1, body);
}

}  // namespace paretiny
