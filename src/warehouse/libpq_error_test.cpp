#include "warehouse/libpq_error.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::warehouse;

namespace {

LibpqLogin login() {
  LibpqLogin login;
  login.host = "db.example.com";
  login.port = "5432";
  login.database = "shop";
  login.user = "reader";
  login.sslmode = "verify-full";
  return login;
}

Error refused(std::string_view words) { return connect_error(words, login()); }

std::string text_of(const Error& error) { return error.what(); }

}  // namespace

TEST_CASE("a server's refusal is recognised by its SQLSTATE, in any language") {
  const Error error = refused(
      "connection to server at \"10.0.0.7\", port 5432 failed: FATAL:  28P01: "
      "Passwort-Authentifizierung für Benutzer »reader« fehlgeschlagen\nLOCATION:  auth_failed, "
      "auth.c:339\n");
  CHECK(error.code == "wrong_password");
  CHECK(error.fault == Fault::Misconfigured);
  CHECK(text_of(error) ==
        "connecting to db.example.com:5432 as reader failed: Passwort-Authentifizierung für "
        "Benutzer »reader« fehlgeschlagen");
}

TEST_CASE("the severity FATAL is not mistaken for an SQLSTATE") {
  CHECK(parsed("FATAL:  no code here").sqlstate.empty());
  CHECK(parsed("FATAL:  3D000: database \"x\" does not exist").sqlstate == "3D000");
}

TEST_CASE("each way of not getting in has a code of its own") {
  CHECK(refused("FATAL:  3D000: database \"shop\" does not exist").code == "unknown_database");
  CHECK(refused("FATAL:  28000: no pg_hba.conf entry for host \"10.0.0.1\", user \"reader\", "
                "database \"shop\", no encryption")
            .code == "not_allowed");
  CHECK(refused("FATAL:  28000: role \"reader\" does not exist").code == "unknown_user");
  CHECK(refused("FATAL:  42501: permission denied for database \"shop\"").code == "no_permission");
  CHECK(refused("could not translate host name \"db.example.com\" to address: Name or service not "
                "known\n")
            .code == "unknown_host");
  CHECK(refused("connection to server at \"10.0.0.7\", port 5432 failed: Connection refused\n\tIs "
                "the server running on that host and accepting TCP/IP connections?\n")
            .code == "unreachable");
  CHECK(refused("SSL error: certificate verify failed\n").code == "tls_failed");
  CHECK(refused("server does not support SSL, but SSL was required\n").code == "tls_failed");
}

TEST_CASE("a name that cannot be resolved for the moment is worth another try") {
  const Error error = refused(
      "could not translate host name \"db\" to address: Temporary failure in name resolution\n");
  CHECK(error.code == "unknown_host");
  CHECK(error.fault == Fault::Unavailable);
}

TEST_CASE("a full server says when to come back") {
  const Error error = refused("FATAL:  53300: sorry, too many clients already");
  CHECK(error.fault == Fault::Throttled);
  CHECK(error.retry_after == std::chrono::seconds(30));
}

TEST_CASE("a Redshift password kept as SHA-256 is explained") {
  const Error error = refused("authentication method 13 not supported\n");
  CHECK(error.code == "unsupported_login");
  CHECK(error.advice.find("AuthenticationRequest 13") != std::string::npos);
  CHECK(error.advice.find("ALTER USER \"reader\"") != std::string::npos);
}

TEST_CASE("a TLS failure names the setting to add") {
  CHECK(refused("SSL error: certificate verify failed\n").advice.find("sslrootcert = ") !=
        std::string::npos);
  CHECK(refused("FATAL:  28000: no pg_hba.conf entry for host, no encryption")
            .advice.find("sslmode = \"require\"") != std::string::npos);
}

TEST_CASE("an error is shown in the customer's own line, counted in characters") {
  const Statement statement{"/* millrace 7 */ select * from (\nselect 'é',\n  usr\nfrom t\n) as q",
                            "select 'é',\n  usr\nfrom t"};
  ServerMessage message;
  message.sqlstate = "42703";
  message.text = "column \"usr\" does not exist";
  message.position = 48;
  const Error error = statement_error(message, statement);
  CHECK(error.code == "missing_column");
  CHECK(text_of(error) ==
        "the warehouse refused the query at line 2, column 3: column \"usr\" does not exist\n"
        "    usr\n"
        "    ^");
}

TEST_CASE("an error in the SQL around the customer's has no place to show") {
  ServerMessage message;
  message.sqlstate = "42883";
  message.text = "function farmfingerprint64(text) does not exist";
  message.position = 8;
  message.hint = "No function matches the given name and argument types.";
  const Error error = statement_error(
      message, {"select farmfingerprint64(x) from (\nselect 1\n) as q", "select 1"});
  CHECK(text_of(error) ==
        "the warehouse refused the query: function farmfingerprint64(text) does not exist");
  CHECK(error.advice == "No function matches the given name and argument types.");
}

TEST_CASE("a driver that cannot be loaded is no failure of the network") {
  const Error error = refused(
      "[Driver Manager] Could not load `libadbc_driver_postgresql.so`: dlopen() failed: "
      "cannot open shared object file: No such file or directory");
  CHECK(error.code == "broken_installation");
  CHECK(error.fault == Fault::Misconfigured);
}

TEST_CASE("a WITH that writes is told to read") {
  ServerMessage message;
  message.sqlstate = "0A000";
  message.text = "WITH clause containing a data-modifying statement must be at the top level";
  const Error error = statement_error(message, {});
  CHECK(error.code == "not_read_only");
  CHECK(error.advice == "A query here may only read: use a plain SELECT");
}

TEST_CASE("a lock that was not given in time says that somebody wants the table") {
  ServerMessage message;
  message.sqlstate = "55P03";
  message.text = "canceling statement due to lock timeout";
  const Error error = statement_error(message, {});
  CHECK(error.fault == Fault::Unavailable);
  CHECK(error.code == kTableWanted);
}

TEST_CASE("what a failure means for the caller follows from its SQLSTATE") {
  const auto fault = [](const char* sqlstate) {
    ServerMessage message;
    message.sqlstate = sqlstate;
    return statement_error(message, {}).fault;
  };
  CHECK(fault("") == Fault::Unavailable);
  CHECK(fault("57P01") == Fault::Unavailable);
  CHECK(fault("40001") == Fault::Unavailable);
  CHECK(fault("53200") == Fault::Throttled);
  CHECK(fault("22012") == Fault::BadData);
  CHECK(fault("42P01") == Fault::Misconfigured);
  CHECK(fault("25006") == Fault::Misconfigured);
}

TEST_CASE("what a server says of data is in the full text alone") {
  const auto said = [](const char* sqlstate, const char* text, const char* detail = "") {
    ServerMessage message;
    message.sqlstate = sqlstate;
    message.text = text;
    message.detail = detail;
    return statement_error(message, {"select amount::int from a", "select amount::int from a"});
  };
  const std::string prefix = "the warehouse refused the query: ";
  const Error cast = said("22P02", "invalid input syntax for type integer: \"Jane \"J\" Doe\"");
  CHECK(text_of(cast) == prefix + "invalid input syntax for type integer: \"…\"");
  CHECK(cast.in_full == prefix + "invalid input syntax for type integer: \"Jane \"J\" Doe\"");
  CHECK(text_of(said("22P02", "ungültige Eingabesyntax für Typ integer: »Jane«")) ==
        prefix + "ungültige Eingabesyntax für Typ integer: \"…\"");
  CHECK(text_of(said("22008", "date/time field value out of range: Jane")) ==
        prefix + "date/time field value out of range: …");
  CHECK(text_of(said("22003", "value \"99\" is out of range for type smallint")) ==
        prefix + "value \"…\" is out of range for type smallint");
  CHECK(text_of(said("22P02", "invalid input syntax for type json", "Token \"J\" is invalid.")) ==
        prefix + "invalid input syntax for type json");
  CHECK(text_of(said("XX000", "Invalid digit, Value 'J', Pos 0, Type: Integer")) ==
        prefix + "Invalid digit, Value \"…\", Pos …, Type: …");
  // A value that is looked up as a name: no place in the statement is at fault.
  CHECK(text_of(said("42P01", "relation \"jane\" does not exist")) ==
        prefix + "relation \"…\" does not exist");
  CHECK(text_of(said("42703", "column \"amount\" does not exist in a")) ==
        prefix + "column \"amount\" does not exist in a");
  CHECK(text_of(said("42501", "permission denied for table a")) ==
        prefix + "permission denied for table a");
  CHECK(said("42501", "permission denied for table a").in_full.empty());
}

TEST_CASE("what a function raises is in the full text alone, whatever its SQLSTATE") {
  for (const char* sqlstate : {"P0001", "42703", "22000", "57014"}) {
    ServerMessage message;
    message.sqlstate = sqlstate;
    message.text = "customer Jane is bad";
    message.hint = "ask Jane";
    message.context = "PL/pgSQL function boom(text) line 1 at RAISE";
    const Error error = statement_error(message, {});
    CHECK(text_of(error) ==
          "the warehouse refused the query: its words may hold values of rows; SQLSTATE " +
              std::string(sqlstate));
    CHECK(error.in_full.find("customer Jane is bad (ask Jane)") != std::string::npos);
    CHECK(error.advice.find("Jane") == std::string::npos);
  }
  ServerMessage raised;
  raised.sqlstate = "P0001";
  raised.text = "customer Jane is bad";
  CHECK(statement_error(raised, {}).code == "raised_in_query");
  CHECK(statement_error(raised, {}).fault == Fault::BadData);
}
