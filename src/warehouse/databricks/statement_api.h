#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "base/http.h"
#include "base/secret.h"
#include "model/json.h"
#include "warehouse/http_error.h"
#include "warehouse/sql_connector.h"

namespace millrace::warehouse::databricks {

/// Where a SQL warehouse is, and as whom it is asked.
struct Login {
  std::string address;  ///< "https://adb-1.azuredatabricks.net", without a slash at its end.
  std::string warehouse_id;
  Secret token;
  std::string catalog, schema;  ///< Where names without a catalog or schema are looked for.
  std::string ca_file;          ///< Authorities instead of the system's.
  std::chrono::seconds timeout{10};
};

/// How a statement's rows are sent.
enum class RowFormat {
  Texts,  ///< JSON arrays of texts, in the answers themselves: small results.
  Arrow,  ///< Arrow IPC streams, behind links.
};

/// The SQL Statement Execution API of one warehouse, version 2.0:
/// docs.databricks.com/api/workspace/statementexecution. Every statement is begun without waiting,
/// so that its id is known and `stop` can end it there. Thread-safe.
class StatementApi {
 public:
  explicit StatementApi(Login login) : login_(std::move(login)) {}
  const Login& login() const { return login_; }

  /// The answer about a statement that succeeded: "manifest", and "result" with its first chunk.
  /// Throws what its failure means, the customer's line with a caret where the server gave a place.
  json::Value run(const Statement& statement, RowFormat format, std::stop_token stop);
  /// GET of a path of the API, with the login. 404 is Misconfigured `not_there`.
  json::Value get(const std::string& path, std::stop_token stop);
  /// The answer about one chunk of a statement's rows, with a link that was made just now.
  json::Value chunk(const std::string& statement_id, std::int64_t index, std::stop_token stop);
  /// A chunk's bytes from where the server's link leads: to a storage that must not see the login.
  /// A link that leads nowhere, any more, is Unavailable `source_failed`.
  std::string download(const std::string& link, std::size_t bytes_most, std::stop_token stop);
  /// Asks the server to end a statement; it need not know it any more.
  void cancel(const std::string& statement_id);

 private:
  HttpCall call_of(const std::string& path, std::stop_token stop) const;
  /// The answer's JSON, or what its status means.
  json::Value answer_of(const HttpReply& reply, const Statement& statement) const;
  [[noreturn]] void refuse(const HttpReply& reply, const Statement& statement) const;
  /// Who is asked, and what to do where he refuses.
  HttpParty party() const;
  json::Value finished(json::Value answer, const Statement& statement, std::stop_token stop);

  Login login_;
};

}  // namespace millrace::warehouse::databricks
