#include <fmt/format.h>

#include "base/url.h"
#include "definition/keys.h"
#include "definition/tables.h"

namespace millrace::definition {
namespace {

constexpr std::string_view kCallback = "/api/v1/session/oidc/callback";

void require_safe(const Node& table, std::string_view key) {
  const Node& value = table.find(key)->value;
  if (is_private(value.text)) return;
  refuse(value.place, fmt::format("with \"{}\" codes and tokens travel in clear text", value.text),
         "Write an address that begins with https://");
}

}  // namespace

std::optional<Oidc> read_oidc(const Node& server, const std::filesystem::path& home) {
  const Node::Member* member = server.find("oidc");
  if (!member) return {};
  const Node& table = member->value;
  const std::string heading = "server.oidc";
  check_keys(table, table_rule(heading), heading);
  need(table, "issuer", heading, "\"https://accounts.example.com\"");
  need(table, "client_id", heading, "\"millrace\"");
  need(table, "redirect_url", heading,
       fmt::format("\"https://millrace.example.com{}\"", kCallback));
  Oidc oidc;
  oidc.issuer = url_in(table, "issuer");
  oidc.client_id = text_in(table, "client_id");
  oidc.client_secret = secret_in(table, "client_secret", heading);
  oidc.redirect_url = url_in(table, "redirect_url");
  oidc.create_role = text_in(table, "create_role");
  require_safe(table, "issuer");
  require_safe(table, "redirect_url");
  if (!oidc.redirect_url.ends_with(kCallback)) {
    refuse(table.find("redirect_url")->value.place,
           fmt::format("nobody answers at \"{}\"", oidc.redirect_url),
           fmt::format("It must end in {}", kCallback));
  }
  if (const std::string file = text_in(table, "ca_file"); !file.empty()) {
    oidc.ca_file = (home / file).lexically_normal().string();
  }
  if (const Node::Member* trust = table.find("trust_email")) {
    oidc.trust_email = trust->value.boolean;
  }
  return oidc;
}

}  // namespace millrace::definition
