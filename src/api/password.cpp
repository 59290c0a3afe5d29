#include "api/password.h"

#include <sodium.h>

#include <array>

#include "base/error.h"

namespace millrace::api {
namespace {

std::string hashed(const std::string& password) {
  check(sodium_init() >= 0, "libsodium starts");
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  const int bad = crypto_pwhash_str_alg(
      hash.data(), password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
      crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);
  if (bad != 0) {
    throw Error(Fault::Unavailable, "no_memory", "there was not enough memory for a password");
  }
  return hash.data();
}

}  // namespace

std::string hash_of(const Secret& password) {
  constexpr std::size_t kShortest = 10;
  if (password.reveal().size() < kShortest) {
    throw Error(Fault::Misconfigured, "weak_password", "a password has at least 10 characters");
  }
  return hashed(password.reveal());
}

bool is_password(const Secret& password, const std::string& hash) {
  static const std::string nobodys = hashed("nobody's password");
  const std::string& against = hash.empty() ? nobodys : hash;
  const bool is_it = crypto_pwhash_str_verify(against.c_str(), password.reveal().data(),
                                              password.reveal().size()) == 0;
  return is_it && !hash.empty();
}

}  // namespace millrace::api
