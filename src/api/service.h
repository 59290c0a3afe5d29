#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/http.h"
#include "api/issuer.h"
#include "api/metrics.h"
#include "api/progress_feed.h"
#include "api/rate_limit.h"
#include "api/refused_calls.h"
#include "api/remote_command.h"
#include "api/turns.h"
#include "catalog/catalog.h"
#include "definition/files.h"
#include "definition/vault.h"
#include "pipeline/house.h"
#include "store/store.h"

namespace millrace::api {

struct Route;
enum class Access;

/// What answers requests: finds the route, proves the key, counts against its limits, calls the
/// handler, and turns an Error into a status. Thread-safe: each request has a catalog of its own.
class Service {
 public:
  Service(definition::Configuration configuration, Env& env);
  ~Service();

  Answer answer(const Request& request);
  /// From now on `/readyz` says that this process is about to end.
  void drain() { draining_ = true; }
  bool is_draining() const { return draining_; }
  /// Callers reach us through TLS.
  void be_encrypted() { encrypted_ = true; }
  bool is_encrypted() const { return encrypted_; }

  /// Before something slow: what asks a warehouse, reads rows, or makes out whether a password is
  /// right, each has a bound, which together leave threads for everything else. An empty turn for
  /// what is quick. Throws Throttled `warehouses_busy` or `rows_busy`.
  Turns::Turn turn_for(Access access);
  /// Throws Throttled `sign_ins_busy`, or `too_many_sign_ins` of one address.
  Turns::Turn turn_to_sign_in(const std::string& address);

  const RequestCounts& requests() const { return requests_; }
  ProgressFeed& progress() { return progress_; }
  const definition::Configuration& configuration() const { return configuration_; }
  /// The same with the unit types that callers made.
  definition::Configuration configuration(catalog::Catalog& catalog) const;
  Env& env() const { return env_; }
  /// Who runs commands for callers; set before the first request.
  void run_commands_with(CommandRunner runner) { runner_ = std::move(runner); }
  RemoteAnswer run(const RemoteCommand& command) const { return runner_(command); }
  /// Whom people may sign in with; null: with passwords only.
  Issuer* issuer() const { return issuer_.get(); }
  /// Of [server.oidc]; looked for when somebody signs in.
  std::string client_secret(catalog::Catalog& catalog) const;
  /// What operations on days need; the catalog and the store outlive it.
  store::Store store() const;
  definition::Vault vault(catalog::Catalog& catalog) const;
  pipeline::House house(catalog::Catalog& catalog, store::Store& store) const;

 private:
  struct Lent;  ///< A catalog for one request; given back at its end.
  Lent lend();
  Answer answered(const Request& request, std::string& route);
  Answer answered(const Request& request, const Route& route, const std::string& id,
                  catalog::Catalog& catalog, catalog::Actor& actor);
  catalog::ApiKey proven(const Request& request, catalog::Catalog& catalog, unsigned types,
                         catalog::Actor& actor);
  std::optional<Answer> limited(const catalog::ApiKey& key);

  definition::Configuration configuration_;
  Env& env_;
  std::atomic<bool> draining_ = false;
  RequestCounts requests_;
  std::atomic<bool> encrypted_ = false;
  Turns asking_, reading_, signing_in_;
  std::mutex mutex_;  ///< Of the two below.
  std::vector<std::unique_ptr<catalog::Catalog>> idle_;
  RateLimit limits_, sign_ins_from_;
  RefusedCalls refused_;
  const std::unique_ptr<Issuer> issuer_;
  CommandRunner runner_;
  ProgressFeed progress_{configuration_.catalog_url, env_};
};

}  // namespace millrace::api
