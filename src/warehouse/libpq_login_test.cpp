#include "warehouse/libpq_login.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace millrace;
using namespace millrace::warehouse;

namespace {

LibpqLogin login(std::map<std::string, std::string> settings) {
  settings.insert({{"host", "db.example.com"},
                   {"port", "5432"},
                   {"database", "shop"},
                   {"user", "reader"},
                   {"connect_timeout", "10"}});
  return login_of({.settings = std::move(settings), .roots = {}});
}

std::string keyword(const LibpqLogin& login, std::string_view name) {
  for (const auto& [key, value] : keywords_of(login)) {
    if (key == name) return value;
  }
  return "(not given)";
}

}  // namespace

TEST_CASE("TLS is verified by default, but not asked of this machine") {
  CHECK(login({}).sslmode == "verify-full");
  for (const char* here : {"localhost", "127.0.0.1", "::1", "/var/run/postgresql"}) {
    CAPTURE(here);
    CHECK(login({{"host", here}}).sslmode == "prefer");
  }
  CHECK(login({{"host", "localhost"}, {"sslmode", "require"}}).sslmode == "require");
}

TEST_CASE("an authority is only looked for where certificates are verified") {
  CHECK(login({{"sslmode", "require"}}).sslrootcert.empty());
  CHECK(login({{"sslrootcert", "/ca.pem"}}).sslrootcert == "/ca.pem");
}

TEST_CASE("every session names itself and reads UTF-8") {
  CHECK(keyword(login({}), "application_name") == "millrace");
  CHECK(keyword(login({}), "client_encoding") == "UTF8");
  CHECK(keyword(login({}), "password") == "(not given)");
}

TEST_CASE("a password with quotes survives a connection string") {
  const std::string text = conninfo_of(login({{"password", R"(it's a \ "secret")"}}));
  CHECK(text.find(R"(password='it\'s a \\ "secret"')") != std::string::npos);
}

TEST_CASE("a tunnel leads to the host as the SSH server sees it") {
  const LibpqLogin through = login({{"ssh_host", "bastion"}, {"ssh_user", "tunnel"}});
  REQUIRE(through.tunnel_options);
  CHECK(ssh_arguments(*through.tunnel_options, 40001, "") ==
        std::vector<std::string>{"ssh",
                                 "-N",
                                 "-T",
                                 "-o",
                                 "BatchMode=yes",
                                 "-o",
                                 "ExitOnForwardFailure=yes",
                                 "-o",
                                 "StrictHostKeyChecking=yes",
                                 "-o",
                                 "ConnectTimeout=10",
                                 "-o",
                                 "ServerAliveInterval=15",
                                 "-o",
                                 "ServerAliveCountMax=3",
                                 "-o",
                                 "ControlMaster=no",
                                 "-o",
                                 "ControlPath=none",
                                 "-o",
                                 "PermitLocalCommand=yes",
                                 "-o",
                                 "LocalCommand=echo millrace-tunnel-is-ready",
                                 "-l",
                                 "tunnel",
                                 "-L",
                                 "127.0.0.1:40001:db.example.com:5432",
                                 "--",
                                 "bastion"});
}

TEST_CASE("a key and known hosts are the only ones that ssh then uses") {
  const LibpqLogin through = login({{"ssh_host", "-oProxyCommand=evil"},
                                    {"ssh_port", "2222"},
                                    {"ssh_known_hosts", "/etc/known"}});
  const auto arguments = ssh_arguments(*through.tunnel_options, 40001, "/tmp/key");
  const auto has = [&](const char* text) {
    return std::find(arguments.begin(), arguments.end(), text) != arguments.end();
  };
  CHECK(has("UserKnownHostsFile=/etc/known"));
  CHECK(has("IdentitiesOnly=yes"));
  CHECK(has("/tmp/key"));
  CHECK(has("2222"));
  // What looks like an option stays a host.
  CHECK(arguments[arguments.size() - 2] == "--");
}
