#include "warehouse/libpq_probe.h"

#include <fmt/format.h>

#include <chrono>
#include <exception>

#include "base/error.h"

namespace millrace::warehouse {
namespace {

void passed(ProbeReport& report, const std::string& step, const std::string& detail,
            const std::string& advice = {}) {
  report.steps.push_back({step, true, detail, advice});
}

void failed(ProbeReport& report, const std::string& step, const Error& error) {
  report.steps.push_back({step, false, error.what(), error.advice});
}

/// Connecting is one call of libpq's; its error tells how far it came.
void failed_to_connect(ProbeReport& report, const LibpqLogin& login, const Error& error) {
  if (error.code == "ssh_failed") return failed(report, "tunnel", error);
  if (login.tunnel_options) {
    passed(report, "tunnel", "through " + login.tunnel_options->ssh_host);
  }
  if (error.code == "unknown_host" || error.code == "unreachable" || error.code == "stopped") {
    return failed(report, "reach", error);
  }
  passed(report, "reach", login.place());
  failed(report, error.code == "tls_failed" ? "encrypt" : "log in", error);
}

std::string encryption_detail(const LibpqLogin& login, const LibpqSession& session) {
  const std::string mode = fmt::format("sslmode={}, {}", login.sslmode, login.sslmode_reason);
  if (session.encryption().empty()) return "not encrypted (" + mode + ")";
  const std::string trusted =
      login.sslmode.starts_with("verify")
          ? fmt::format(", certificate checked against {}", login.sslrootcert)
          : ", certificate not checked";
  return fmt::format("{}{} ({})", session.encryption(), trusted, mode);
}

std::string number(LibpqReader& reader, const std::string& sql, std::stop_token stop) {
  std::string value = "0";
  reader.each({sql, {}}, [&](const engine::Row& row) { value = row.at(0).value_or("0"); }, stop);
  return value;
}

void look_at_tables(ProbeReport& report, LibpqReader& reader, const Dialect& dialect,
                    std::stop_token stop) {
  const auto count_of = [&](const std::string& condition) {
    return number(reader, fmt::format("select count(*) from ({}) as t", dialect.tables(condition)),
                  stop);
  };
  const std::string writable = count_of(
      "(has_table_privilege(c.oid, 'insert') or has_table_privilege(c.oid, 'update') or "
      "has_table_privilege(c.oid, 'delete'))");
  if (writable == "0") {
    passed(report, "read only", "every statement runs read-only; the role may write to no table");
  } else {
    passed(report, "read only",
           fmt::format("every statement runs read-only, but the role may write to {}",
                       writable == "1" ? "1 table" : writable + " tables"),
           "A role with SELECT alone would be safer");
  }
  const std::string readable = count_of("true");
  if (readable != "0") {
    return passed(report, "list tables",
                  readable == "1" ? "1 table or view" : readable + " tables and views");
  }
  const std::string& user = reader.login().user;
  report.steps.push_back(
      {"list tables", false,
       fmt::format("{} may read no table of {}", user, reader.login().database),
       fmt::format("GRANT USAGE ON SCHEMA public TO \"{0}\"; GRANT SELECT ON ALL TABLES IN SCHEMA "
                   "public TO \"{0}\"",
                   user)});
}

}  // namespace

ProbeReport probe_libpq(LibpqReader& reader, const Dialect& dialect,
                        const std::function<std::string(std::stop_token)>& server,
                        std::stop_token stop) {
  ProbeReport report;
  const auto began = std::chrono::steady_clock::now();
  const LibpqLogin& login = reader.login();
  try {
    const LibpqSession& session = reader.session(stop);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - began);
    if (login.tunnel) passed(report, "tunnel", "through " + login.tunnel_options->ssh_host);
    passed(report, "reach", fmt::format("{} in {} ms", login.place(), took.count()));
    passed(report, "encrypt", encryption_detail(login, session));
  } catch (const Error& error) {
    failed_to_connect(report, login, error);
    return report;
  } catch (const std::exception& problem) {
    report.steps.push_back({"reach", false, problem.what(), {}});
    return report;
  }
  std::string step = "log in";
  try {
    report.server = server(stop);
    passed(report, step, fmt::format("as {} to {}: {}", login.user, login.database, report.server));
    step = "list tables";
    look_at_tables(report, reader, dialect, stop);
  } catch (const Error& error) {
    failed(report, step, error);
  }
  return report;
}

}  // namespace millrace::warehouse
