// What a connection makes of a server that breaks off: a made one, which speaks PostgreSQL's
// protocol (version 3) as far as these tests need.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "nas/study/postgres/connection.h"

namespace paretiny::study::postgres {
namespace {

std::string number32(std::uint32_t value) {
  value = htonl(value);
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
std::string number16(std::uint16_t value) {
  value = htons(value);
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
/// Type, length and content, as every message is laid out.
std::string message(char type, const std::string& content) {
  return type + number32(static_cast<std::uint32_t>(content.size() + 4)) + content;
}
std::string error(const std::string& state, const std::string& text) {
  return message('E',
                 "SERROR" + std::string(1, '\0') + "C" + state + '\0' + "M" + text + '\0' + '\0');
}

/// A row with the text "1", up to the word that the statement is complete.
std::string answer() {
  const std::string column = std::string("one") + '\0' + number32(0) + number16(0) + number32(25) +
                             number16(0xFFFF) + number32(0xFFFFFFFF) + number16(0);
  return message('1', "") + message('2', "") + message('T', number16(1) + column) +
         message('D', number16(1) + number32(1) + "1") +
         message('C', std::string("SELECT 1") + '\0');
}
const std::string kReady = message('Z', "I");

/// Takes one connection, gives one of `replies` for each statement, and hangs up.
class MadeServer {
 public:
  explicit MadeServer(std::vector<std::string> replies) : replies_(std::move(replies)) {
    std::filesystem::create_directories(folder_);
    sockaddr_un address{AF_UNIX, {}};
    const std::string path = (folder_ / ".s.PGSQL.5432").string();
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listening_, 1), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~MadeServer() {
    shutdown(listening_, SHUT_RDWR);
    thread_.join();
    close(listening_);
    std::filesystem::remove_all(folder_);
  }
  MadeServer(const MadeServer&) = delete;
  MadeServer& operator=(const MadeServer&) = delete;

  Location study() const {
    return Location::in("postgresql://paretiny@/paretiny?host=" + folder_.string(), "made");
  }

 private:
  void serve() {
    const int client = accept(listening_, nullptr, nullptr);
    if (client < 0) return;
    (void)read_message(client, false);
    const std::string version = std::string("server_version") + '\0' + "15.0" + '\0';
    say(client, message('R', number32(0)) + message('S', version) + kReady);
    for (const std::string& reply : replies_) {
      for (char type = 0; type != 'S';) {
        type = read_message(client, true);
        if (type == 0) break;
      }
      say(client, reply);
    }
    close(client);
  }
  static void say(int client, const std::string& text) {
    (void)!send(client, text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// Its type: 's' for one without, 0 where the client is gone.
  static char read_message(int client, bool typed) {
    char type = 's';
    std::uint32_t length = 0;
    if (typed && recv(client, &type, 1, MSG_WAITALL) != 1) return 0;
    if (recv(client, &length, sizeof length, MSG_WAITALL) != sizeof length) return 0;
    std::string content(ntohl(length) - 4, ' ');
    const auto size = static_cast<ssize_t>(content.size());
    return size == 0 || recv(client, content.data(), content.size(), MSG_WAITALL) == size ? type
                                                                                          : '\0';
  }

  const std::vector<std::string> replies_;
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("paretiny_made_" + std::to_string(getpid()));
  const int listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::thread thread_;
};

constexpr std::chrono::seconds kPatience{15};

TEST(PostgresConnection, AnAnswerWithoutACommitIsNone) {
  // The first statement is the connection's own.
  const MadeServer server({answer() + kReady, answer() + kReady, answer()});
  Connection connection(server.study(), Connection::Mode::write, kPatience);
  EXPECT_EQ(connection.run("SELECT '1'").integer(0, 0), 1);
  EXPECT_THROW(connection.run("INSERT"), ConnectionLost);
}

TEST(PostgresConnection, AnErrorAfterTheAnswerCounts) {
  const MadeServer server(
      {answer() + kReady, answer() + error("40001", "could not serialize access") + kReady,
       answer() + error("23503", "violates a foreign key") + kReady, answer() + kReady});
  Connection connection(server.study(), Connection::Mode::write, kPatience);
  EXPECT_THROW(connection.run("INSERT"), ConnectionLost) << "another try may succeed";
  try {
    connection.run("INSERT");
    ADD_FAILURE();
  } catch (const ConnectionLost&) {
    ADD_FAILURE();
  } catch (const StoreError& error) {
    EXPECT_NE(std::string(error.what()).find("was deleted"), std::string::npos) << error.what();
  }
  EXPECT_EQ(connection.run("SELECT '1'").size(), 1) << "the connection can still be used";
}

TEST(PostgresConnection, AServerThatHangsUpIsLost) {
  const MadeServer server({answer() + kReady, ""});
  Connection connection(server.study(), Connection::Mode::write, kPatience);
  EXPECT_THROW(connection.run("SELECT '1'"), ConnectionLost);
}

}  // namespace
}  // namespace paretiny::study::postgres
