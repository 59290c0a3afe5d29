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

TEST_CASE("a driver that cannot be loaded is no failure of the network") {
  const Error error = refused(
      "[Driver Manager] Could not load `libadbc_driver_postgresql.so`: dlopen() failed: "
      "cannot open shared object file: No such file or directory");
  CHECK(error.code == "broken_installation");
  CHECK(error.fault == Fault::Misconfigured);
}
