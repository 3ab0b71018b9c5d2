// A network that breaks: it carries bytes between one client after another and a server's Unix
// socket, and hangs up on both where a test says.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <limits>
#include <thread>

namespace paretiny::test {

class CutProxy {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  /// Its own socket in `folder`, the server's in `server`, both as PostgreSQL names them.
  CutProxy(std::filesystem::path folder, const std::filesystem::path& server)
      : folder_(std::move(folder)), server_(address_in(server)) {
    std::filesystem::create_directories(folder_);
    const sockaddr_un own = address_in(folder_);
    EXPECT_EQ(bind(listening_, as_address(own), sizeof own), 0);
    EXPECT_EQ(listen(listening_, 16), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~CutProxy() {
    ended_ = true;
    shutdown(listening_, SHUT_RDWR);
    thread_.join();
    close(listening_);
    std::filesystem::remove_all(folder_);
  }
  CutProxy(const CutProxy&) = delete;
  CutProxy& operator=(const CutProxy&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  /// The connection that is there breaks after so many bytes more to the server, or to the client;
  /// once.
  void cut_after(std::int64_t to_server, std::int64_t to_client) {
    left_[0] = to_server;
    left_[1] = to_client;
  }
  int cuts() const { return cuts_; }

 private:
  static sockaddr_un address_in(const std::filesystem::path& folder) {
    sockaddr_un address{AF_UNIX, {}};
    (folder / ".s.PGSQL.5432").string().copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  static const sockaddr* as_address(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
  }

  void serve() {
    while (!ended_) {
      const int client = accept(listening_, nullptr, nullptr);
      if (client < 0) continue;
      const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (connect(server, as_address(server_), sizeof server_) == 0) carry({client, server});
      close(server);
      close(client);
    }
  }

  /// Until one of them hangs up, or the cut.
  void carry(const std::array<int, 2>& ends) {
    while (!ended_) {
      std::array<pollfd, 2> ready{{{ends[0], POLLIN, 0}, {ends[1], POLLIN, 0}}};
      if (poll(ready.data(), ready.size(), 100) <= 0) continue;
      for (std::size_t from = 0; from < 2; ++from) {
        if (ready[from].revents != 0 && !pass_on(ends[from], ends[1 - from], left_[from])) return;
      }
    }
  }
  bool pass_on(int from, int to, std::atomic<std::int64_t>& left) {
    std::array<char, 4096> bytes{};
    const ssize_t read = recv(from, bytes.data(), bytes.size(), 0);
    if (read <= 0) return false;
    const std::int64_t sent = std::min<std::int64_t>(read, left);
    if (send(to, bytes.data(), static_cast<std::size_t>(sent), MSG_NOSIGNAL) != sent) return false;
    if (left == kNever) return true;
    left -= sent;
    if (left > 0) return true;
    cut_after(kNever, kNever);
    ++cuts_;
    return false;
  }

  const std::filesystem::path folder_;
  const sockaddr_un server_;
  const int listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::array<std::atomic<std::int64_t>, 2> left_{kNever, kNever};  ///< to the server, to the client
  std::atomic<int> cuts_ = 0;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace paretiny::test
