// Runs the program as a user does: another process, its two outputs caught.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace paretiny::test {

struct Ended {
  int code = -1;  ///< exit code, or minus the signal
  std::string out;
  std::string err;
};

/// The program in `folder`, started at once. `out` may name another place for standard output.
class Program {
 public:
  /// `before` is called in the new process first: limits, signals, descriptors.
  Program(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
          std::string out = "", const std::function<void()>& before = {})
      : out_(out.empty() ? scratch(folder, "out") : std::move(out)), err_(scratch(folder, "err")) {
    std::vector<std::string> words = {PARETINY_BIN "/paretiny"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    if (chdir(folder.c_str()) != 0) _exit(125);
    redirect(out_, STDOUT_FILENO);
    redirect(err_, STDERR_FILENO);
    setenv("OMP_NUM_THREADS", "1", 1);
    if (before) before();
    execv(argv[0], argv.data());
    _exit(126);
  }
  ~Program() {
    if (pid_ > 0) end(SIGKILL);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// An interrupt waits until the program listens, or would never: before, it just dies of it.
  void send(int signal) const {
    const bool asks = signal == SIGINT || signal == SIGTERM;
    for (int i = 0; asks && i < 6000 && !settled(signal); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    kill(pid_, signal);
  }
  std::string err_so_far() const { return read(err_); }

  Ended wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    Ended ended{WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), "", read(err_)};
    if (std::filesystem::is_regular_file(out_)) ended.out = read(out_);
    return ended;
  }
  Ended end(int signal) {
    send(signal);
    return wait();
  }

 private:
  /// Whether the program catches or ignores `signal`, or has ended.
  bool settled(int signal) const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("State:\tZ")) return true;
      if (!line.starts_with("SigCgt:") && !line.starts_with("SigIgn:")) continue;
      if ((std::stoull(line.substr(8), nullptr, 16) >> (signal - 1) & 1) != 0) return true;
    }
    return false;
  }
  static std::string scratch(const std::filesystem::path& folder, const char* what) {
    static int count = 0;
    return (folder / (".run" + std::to_string(count++) + "." + what)).string();
  }
  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void redirect(const std::string& path, int descriptor) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || dup2(file, descriptor) < 0) _exit(125);
    close(file);
  }

  std::string out_;
  std::string err_;
  pid_t pid_ = -1;
};

inline Ended run(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                 const std::string& out = "") {
  return Program(folder, arguments, out).wait();
}

}  // namespace paretiny::test
