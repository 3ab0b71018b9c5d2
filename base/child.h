// Processes that become other programs.
#pragma once

#include <sys/types.h>

#include <functional>

namespace paretiny {

/// Starts a child in which `become` runs, to set up its files and replace the program; a child
/// whose `become` returns ends with 127. Its group is its own: Ctrl-C on the terminal is not for
/// it, and what it starts ends with it. It does not outlive this program. Signals that this program
/// blocks or ignores are its own again, but for SIGXFSZ: a sentence of the child's is better than
/// its death. Throws std::system_error where no process can be made.
pid_t start_child(const std::function<void()>& become);

/// Waits for a child and returns its status, as waitpid gives it.
int wait_for_child(pid_t child);

/// Kills a child and what it has started, and waits for it.
int kill_child(pid_t child);

}  // namespace paretiny
