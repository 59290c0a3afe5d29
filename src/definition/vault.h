#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/secret.h"
#include "catalog/catalog.h"

namespace millrace::definition {

/// Secrets that no file of ours and no variable holds: encrypted in the catalog
/// (XChaCha20-Poly1305; a secret cannot be put under another's name) with a master key that the
/// catalog does not know: 64 hex digits in $MILLRACE_MASTER_KEY, or in the file that
/// $MILLRACE_MASTER_KEY_FILE names, or in `<home>/secrets/master.key`, which the first secret
/// makes. Settings refer to them as `secret:NAME`.
class Vault {
 public:
  Vault(std::filesystem::path home, catalog::Catalog& catalog, Env& env);

  /// Throws Misconfigured `bad_name`, `bad_master_key`.
  void put(const std::string& name, const Secret& value);
  /// Throws Misconfigured `secret_missing`, `wrong_master_key`.
  Secret get(const std::string& name);
  /// Everything under a new master key, in one transaction; returns where that lies. Where the
  /// environment names the key, it also names the new one: $MILLRACE_NEW_MASTER_KEY(_FILE).
  /// Interrupted, it can be run again: both keys are tried until the old one is gone.
  std::string rotate();

 private:
  struct Key;
  std::vector<Key> known();  ///< The newest first.
  Key current();
  Key key_of(const catalog::SealedSecret& sealed);

  std::filesystem::path home_;
  catalog::Catalog& catalog_;
  Env& env_;
};

/// What a connection's setting named so refers to: "shop.password".
std::string secret_name(const std::string& connection, const std::string& setting);

}  // namespace millrace::definition
