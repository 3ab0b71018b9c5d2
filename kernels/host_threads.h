// The threads that OpenMP shares work out to.
#pragma once

namespace paretiny {

/// Starts the threads that OpenMP uses for this one, once; before the first parallel region.
/// libgomp ends the process where it cannot start a thread, so that is tried before. Throws
/// OutOfMemory.
void start_host_threads();

}  // namespace paretiny
