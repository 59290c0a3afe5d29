#include "warehouse/s3/bucket_place.h"

#include <fmt/format.h>

#include <utility>

namespace millrace::warehouse::s3 {
namespace {

using lake::FileState;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Statements that give the engine its keys. Run before it is locked; errors never show them.
std::vector<std::string> secret_statements(const Session& session, const std::string& scope) {
  const auto option = [&](std::string_view word, std::string_view setting) {
    const std::string value = session.get(setting);
    return value.empty() ? "" : fmt::format(", {} {}", word, engine::literal(value));
  };
  const bool own_keys = !session.get("access_key_id").empty();
  const std::string endpoint = session.get("endpoint");
  std::string style = session.get("url_style");
  if (style.empty()) style = endpoint.empty() ? "vhost" : "path";
  std::string sql = "CREATE SECRET warehouse (TYPE s3, PROVIDER ";
  sql += own_keys ? "config" : "credential_chain, REFRESH auto";
  sql += option("REGION", "region") + option("ENDPOINT", "endpoint") +
         option("KEY_ID", "access_key_id") + option("SECRET", "secret_access_key") +
         option("SESSION_TOKEN", "session_token");
  sql += fmt::format(", URL_STYLE {}, USE_SSL {}, SCOPE {})", engine::literal(style),
                     session.get("use_ssl") == "false" ? "false" : "true", engine::literal(scope));
  return {"SET http_timeout = 20", "SET http_retries = 2",
          "SET enable_server_cert_verification = true", sql};
}

class BucketPlace final : public lake::Place {
 public:
  explicit BucketPlace(const Session& session) : session_(session) {
    bucket_ = session.get("bucket");
    base_ = "s3://" + bucket_ + "/" + session.get("prefix");
    if (!base_.ends_with('/')) base_ += '/';
  }

  const std::string& base() const override { return base_; }

  std::string resolve(const std::string& path) const override {
    const bool absolute = has(path, "://");
    if (absolute && !path.starts_with(base_)) {
      throw lake::not_allowed(path, "it lies outside " + base_);
    }
    if (lake::climbs(path)) throw lake::not_allowed(path, "it goes up with ..");
    // Behind a question mark the engine takes an endpoint and keys of the query's own.
    if (has(path, "?")) throw lake::not_allowed(path, "it holds a question mark");
    return absolute ? path : base_ + path;
  }

  std::vector<FileState> files(engine::Database& database, const std::string& glob,
                               std::stop_token stop) override {
    // Only the listing's size and time are asked for, so no object is read. A time is in seconds:
    // an object younger than a few may be overwritten once more without showing it.
    const std::string sql =
        "select filename, size, epoch_us(last_modified), "
        "coalesce(last_modified > now() - interval 5 seconds, true) from read_blob(" +
        engine::literal(glob) + ") order by filename";
    std::vector<FileState> files;
    try {
      database.each(
          sql,
          [&](const engine::Row& row) {
            files.push_back({std::string(row[0].value_or("")),
                             std::stoll(std::string(row[1].value_or("0"))),
                             std::string(row[2].value_or("")), row[3] == "true"});
          },
          stop);
    } catch (const Error& error) {
      const Error known = explained(error);
      if (known.code != "no_files") throw known;
    }
    return files;
  }

  Error explained(const Error& error) const override {
    const std::string text = error.what(), in_full = error.text(true);
    const bool of_engine = error.code == "read_failed" || error.code == "sql_error" ||
                           error.code == "bad_value" || error.code == "engine_failed";
    if (!of_engine) return error;
    if (has(in_full, "Secret Validation Failure")) {
      return {Fault::Misconfigured, "no_credentials",
              "the standard AWS chain (environment, profile, role) found no credentials",
              "Set access_key_id and secret_access_key, or log this machine in."};
    }
    if (has(in_full, "No files found that match the pattern")) return lake::no_files(base_);
    if (has(in_full, "NoSuchBucket")) {
      return {Fault::Misconfigured, "no_bucket",
              fmt::format("there is no bucket {} at {}", bucket_, endpoint()),
              "Check bucket, region and endpoint."};
    }
    if (has(in_full, "HTTP 404")) {
      return {Fault::Misconfigured, "no_files", text, "Check the path of the object."};
    }
    if (has(in_full, "HTTP 403") || has(in_full, "HTTP 401")) {
      return {Fault::Misconfigured, "access_denied",
              fmt::format("{} refused to let us read {}: {}", endpoint(), base_, first_lines(text)),
              session_.get("access_key_id").empty()
                  ? "Set access_key_id and secret_access_key, or check the role or profile of this "
                    "machine; it needs s3:ListBucket and s3:GetObject."
                  : "Check access_key_id, secret_access_key and session_token, and that they allow "
                    "s3:ListBucket and s3:GetObject there."};
    }
    if (has(in_full, "HTTP 400") || has(in_full, "HTTP 301")) {
      return {Fault::Misconfigured, "wrong_region", first_lines(text),
              "Check region, endpoint and url_style."};
    }
    if (has(in_full, "HTTP 429") || has(in_full, "HTTP 503") || has(in_full, "SlowDown")) {
      return {Fault::Throttled, "throttled", first_lines(text)};
    }
    if (has(in_full, "HTTP 5") || has(in_full, "ould not connect") ||
        has(in_full, "ould not resolve") || has(in_full, "imeout") || has(in_full, "IO Error: ") ||
        has(in_full, "HTTP Error: ")) {
      return {Fault::Unavailable, "unreachable",
              fmt::format("could not read from {}: {}", endpoint(), first_lines(text)),
              "Check the endpoint, its port and use_ssl, and that this machine may reach it."};
    }
    return error;
  }

  std::string first_step() const override { return "find credentials"; }

  std::string found() const override {
    const std::string key = session_.get("access_key_id");
    return key.empty() ? "from the standard AWS chain" : "access key " + key;
  }

  engine::Options engine_needs() const override {
    engine::Options options;
    options.extensions = {"httpfs"};
    if (session_.get("access_key_id").empty()) options.extensions.emplace_back("aws");
    options.setup = secret_statements(session_, base_);
    options.allowed = {base_};
    return options;
  }

  std::unique_ptr<lake::Place> copy() const override {
    return std::make_unique<BucketPlace>(session_);
  }

 private:
  std::string endpoint() const {
    const std::string own = session_.get("endpoint");
    return own.empty() ? "Amazon S3" : own;
  }

  /// The vendor's words in one line, without the engine's advice and the SQL below them.
  static std::string first_lines(std::string text) {
    for (const std::string_view end :
         {std::string_view("\n\nAuthentication Failure"), engine::kExcerpt}) {
      if (const auto at = text.find(end); at != std::string::npos) text.resize(at);
    }
    for (auto at = text.find("\n\n"); at != std::string::npos; at = text.find("\n\n")) {
      text.replace(at, 2, "; ");
    }
    while (text.ends_with(' ') || text.ends_with(':') || text.ends_with('\n')) text.pop_back();
    return text;
  }

  Session session_;
  std::string bucket_, base_;
};

}  // namespace

std::unique_ptr<lake::Place> bucket_place(const Session& session) {
  return std::make_unique<BucketPlace>(session);
}

}  // namespace millrace::warehouse::s3
