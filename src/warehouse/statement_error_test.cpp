#include "warehouse/statement_error.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::warehouse;

namespace {

std::string text_of(const Error& error) { return error.what(); }

}  // namespace

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
