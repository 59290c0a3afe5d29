#include "definition/vault.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>

#include "base/file.h"

namespace millrace::definition {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKeyVariable = "MILLRACE_MASTER_KEY";
constexpr const char* kNewKeyVariable = "MILLRACE_NEW_MASTER_KEY";
constexpr std::size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

using Bytes = std::vector<unsigned char>;

const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hex_of(const unsigned char* bytes, std::size_t size) {
  std::string hex(2 * size + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), bytes, size);
  hex.pop_back();
  return hex;
}

/// Empty where the text is not hex.
Bytes bytes_in(const std::string& hex) {
  Bytes bytes(hex.size() / 2);
  std::size_t size = 0;
  const int bad =
      sodium_hex2bin(bytes.data(), bytes.size(), hex.data(), hex.size(), nullptr, &size, nullptr);
  if (bad != 0 || size != bytes.size() || hex.size() % 2 != 0) return {};
  return bytes;
}

bool is_name(const std::string& name) {
  constexpr std::size_t kLongest = 200;
  return !name.empty() && name.size() <= kLongest && std::ranges::all_of(name, [](unsigned char c) {
    return c < 128 && (std::isalnum(c) || c == '_' || c == '-' || c == '.');
  });
}

}  // namespace

/// Wiped when it goes.
struct Vault::Key {
  std::array<unsigned char, kKeyBytes> bytes{};
  std::string id;    ///< Of the key: tells keys apart, and nothing about them.
  std::string from;  ///< Where it lies, for people.

  Key(const std::string& hex, std::string source) : from(std::move(source)) {
    Bytes read = bytes_in(hex);
    if (read.size() != kKeyBytes) {
      throw Error(Fault::Misconfigured, "bad_master_key",
                  fmt::format("the master key in {} is not 64 hex digits", from),
                  "Make one with `openssl rand -hex 32`");
    }
    std::copy(read.begin(), read.end(), bytes.begin());
    sodium_memzero(read.data(), read.size());
    std::array<unsigned char, crypto_generichash_BYTES_MIN> digest{};
    static constexpr unsigned char kPurpose[] = "millrace master key";
    crypto_generichash(digest.data(), digest.size(), kPurpose, sizeof kPurpose, bytes.data(),
                       bytes.size());
    id = hex_of(digest.data(), digest.size());
  }
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key() { sodium_memzero(bytes.data(), bytes.size()); }

  catalog::SealedSecret seal(const std::string& name, const Secret& value, Env& env) const {
    Bytes box(kNonceBytes + kTagBytes + value.reveal().size());
    env.random({box.data(), kNonceBytes});
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        box.data() + kNonceBytes, nullptr, bytes_of(value.reveal()), value.reveal().size(),
        bytes_of(name), name.size(), nullptr, box.data(), bytes.data());
    return {.name = name, .key = id, .box = hex_of(box.data(), box.size()), .set_at = {}};
  }

  Secret open(const catalog::SealedSecret& sealed) const {
    const Bytes box = bytes_in(sealed.box);
    if (box.size() >= kNonceBytes + kTagBytes) {
      std::string text(box.size() - kNonceBytes - kTagBytes, '\0');
      const int bad = crypto_aead_xchacha20poly1305_ietf_decrypt(
          reinterpret_cast<unsigned char*>(text.data()), nullptr, nullptr, box.data() + kNonceBytes,
          box.size() - kNonceBytes, bytes_of(sealed.name), sealed.name.size(), box.data(),
          bytes.data());
      if (bad == 0) return Secret(std::move(text));
    }
    throw Error(Fault::Misconfigured, "secret_damaged",
                fmt::format("the secret {} in the catalog was changed by others", sealed.name),
                fmt::format("Set it again: `millrace secret set {}`", sealed.name));
  }
};

namespace {

std::string trimmed(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

/// The key that the environment gives, and where it says so; nothing where it does not.
std::pair<std::string, std::string> from_environment(const std::string& variable) {
  if (std::string key = environment_variable(variable); !key.empty()) return {key, "$" + variable};
  const std::string path = environment_variable(variable + "_FILE");
  if (path.empty()) return {};
  return {trimmed(file::read(path)), path};
}

fs::path key_file(const fs::path& home) { return home / "secrets" / "master.key"; }
fs::path new_key_file(const fs::path& home) { return home / "secrets" / "master.key.new"; }

void write_new_key(const fs::path& path, Env& env) {
  std::array<unsigned char, kKeyBytes> bytes{};
  env.random(bytes);
  file::make_folders(path.parent_path());
  fs::permissions(path.parent_path(), fs::perms::owner_all);
  file::write(path, hex_of(bytes.data(), bytes.size()) + "\n", 0600);
}

}  // namespace

Vault::Vault(fs::path home, catalog::Catalog& catalog, Env& env)
    : home_(std::move(home)), catalog_(catalog), env_(env) {
  check(sodium_init() >= 0, "libsodium starts");
}

std::vector<Vault::Key> Vault::known() {
  std::vector<Key> keys;
  for (const char* variable : {kNewKeyVariable, kKeyVariable}) {
    const auto [hex, from] = from_environment(variable);
    if (!hex.empty()) keys.emplace_back(hex, from);
  }
  if (!keys.empty()) return keys;
  for (const fs::path& path : {new_key_file(home_), key_file(home_)}) {
    if (fs::exists(path)) keys.emplace_back(trimmed(file::read(path)), path.string());
  }
  return keys;
}

Vault::Key Vault::current() {
  std::vector<Key> keys = known();
  if (keys.empty()) {
    write_new_key(key_file(home_), env_);
    keys = known();
  }
  return keys.front();
}

Vault::Key Vault::key_of(const catalog::SealedSecret& sealed) {
  const std::vector<Key> keys = known();
  const auto found = std::ranges::find(keys, sealed.key, &Key::id);
  if (found != keys.end()) return *found;
  throw Error(
      Fault::Misconfigured, "wrong_master_key",
      fmt::format("the secret {} was encrypted with another master key{}", sealed.name,
                  keys.empty() ? ", and there is none here" : " than that in " + keys.front().from),
      "Give the service the master key of this home ($MILLRACE_MASTER_KEY, or "
      "secrets/master.key), or set the secret again");
}

void Vault::put(const std::string& name, const Secret& value) {
  if (!is_name(name)) {
    throw Error(Fault::Misconfigured, "bad_name",
                fmt::format("\"{}\" cannot be a secret's name", name),
                "Use letters, digits, _, - and dots, for example shop.password");
  }
  // In the transaction that a rotation waits for: what it is sealed with is not gone meanwhile.
  catalog_.atomically([&] { catalog_.put_secret(current().seal(name, value, env_)); });
}

Secret Vault::get(const std::string& name) {
  const auto sealed = catalog_.secret(name);
  if (!sealed) {
    throw Error(Fault::Misconfigured, "secret_missing", fmt::format("there is no secret {}", name),
                fmt::format("Set it: `millrace secret set {}`", name));
  }
  return key_of(*sealed).open(*sealed);
}

std::string Vault::rotate() {
  const bool is_from_environment = !from_environment(kKeyVariable).first.empty();
  if (is_from_environment && from_environment(kNewKeyVariable).first.empty()) {
    throw Error(Fault::Misconfigured, "no_new_master_key",
                "the environment names the master key, and must name the new one too",
                "Set MILLRACE_NEW_MASTER_KEY (64 hex digits) or MILLRACE_NEW_MASTER_KEY_FILE");
  }
  if (!is_from_environment && !fs::exists(new_key_file(home_))) {
    write_new_key(new_key_file(home_), env_);
  }
  const Key next = current();
  catalog_.atomically([&] {
    for (const catalog::SealedSecret& sealed : catalog_.secrets()) {
      if (sealed.key == next.id) continue;
      catalog_.put_secret(next.seal(sealed.name, key_of(sealed).open(sealed), env_));
    }
    catalog_.note("master_key_rotate", "master key", "secrets are encrypted with another key");
  });
  if (is_from_environment) return next.from;
  fs::rename(new_key_file(home_), key_file(home_));
  return key_file(home_).string();
}

std::string secret_name(const std::string& connection, const std::string& setting) {
  return connection + "." + setting;
}

}  // namespace millrace::definition
