#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace millrace::api {

/// One request as a handler sees it. Header names are lower case; the path is decoded, the query
/// taken apart; a parameter that is given more than once keeps all of its values in order.
struct Request {
  std::string method;  ///< "GET", "POST" …
  std::string path;    ///< "/console/v1/ingestion"
  std::multimap<std::string, std::string> query;
  std::map<std::string, std::string> headers;
  std::string body;
  std::string address;  ///< Of who sent it, without a port; a proxy's where there is one.

  /// The first value, or empty.
  std::string parameter(const std::string& name) const;
  std::string header(const std::string& name) const;
};

struct Answer {
  int status = 200;
  std::string body;  ///< JSON.
  std::vector<std::pair<std::string, std::string>> headers;
  /// Instead of a body: gives the next piece of it, an empty one while there is none, nothing at
  /// its end. Asked ten times a second by the network's thread, so it never waits.
  std::function<std::optional<std::string>()> stream = {};
};

/// Answers one request; called from several threads at once. What it throws becomes a 500.
using Handler = std::function<Answer(const Request&)>;

/// An HTTP/1.1 server with its own threads, through TLS 1.2 and 1.3 where it is given a
/// certificate. Bounded in everything: connections, size of a head and of a body, time that a
/// caller may take to send one or to read an answer. Malformed requests are answered here, in the
/// form of `refusal`, and never reach the handler.
class HttpServer {
 public:
  struct Options {
    std::string listen = "127.0.0.1:8080";  ///< Port 0: a free one; see `address`.
    std::string certificate, key;           ///< PEM files; empty: no TLS. Read once.
    std::uint64_t body_bytes = 1 << 20;
    std::uint32_t head_bytes = 16 << 10;
    std::size_t connections = 256;
    int handlers = 12;  ///< Requests that are worked on at once.
    /// Paths with a thread of their own beside those: whoever asks wants to know now.
    std::set<std::string> apart{"/healthz", "/readyz"};
    std::chrono::seconds reading{10};           ///< For one request, once it has begun.
    std::chrono::seconds idle{60};              ///< Between two requests of one connection.
    std::chrono::milliseconds draining{5'000};  ///< For what is under way when it is destroyed.
  };
  /// Listens at once. Throws Misconfigured `bad_address`, `address_in_use` or `bad_certificate`.
  HttpServer(const Options& options, Handler handler);
  /// Accepts nothing more, finishes what is under way, then ends.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  const std::string& address() const;  ///< "127.0.0.1:8080"
  bool is_local() const;               ///< Only this machine can reach it.
  bool is_encrypted() const;

 private:
  struct Running;
  std::unique_ptr<Running> running_;
};

/// {"status": 404, "message": "…"}: how everything that is not done is answered.
Answer refusal(int status, const std::string& message);

/// Takes "/a%20b?x=1&y=" apart; false when it is no valid target, or not UTF-8.
bool read_target(const std::string& target, Request& request);

}  // namespace millrace::api
