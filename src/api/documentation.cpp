#include "api/documentation.h"

#include <fmt/format.h>
#include <md4c-html.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"

namespace millrace::api {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHead =
    R"(<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{}</title>
<meta name="viewport" content="width=device-width"><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem;
       color: #1b1f24; background: #fff; }}
pre, code {{ font: 14px/1.45 ui-monospace, monospace; background: #f3f4f6; }}
pre {{ padding: .8rem; overflow-x: auto; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid #d5d9de; padding: .3rem .6rem; text-align: left; vertical-align: top; }}
a {{ color: #0b57d0; }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #e3e5e8; background: #16181b; }} pre, code {{ background: #23262a; }}
  th, td {{ border-color: #3a3f45; }} a {{ color: #8ab4f8; }}
}}
</style></head><body><p><a href="/docs">Millrace: all pages</a></p>
)";

/// Names of ours only: lower case, so neither "..", nor a second path, nor an empty one.
bool is_name_of_page(std::string_view page) {
  constexpr std::string_view kFolders[] = {"howto/", "reference/", "decisions/"};
  for (const std::string_view folder : kFolders) {
    if (page.starts_with(folder)) {
      page.remove_prefix(folder.size());
      break;
    }
  }
  if (!page.ends_with(".md")) return false;
  page.remove_suffix(3);
  return !page.empty() &&
         page.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

std::string title_of(const std::string& markdown) {
  const std::size_t end = markdown.find('\n');
  return markdown.starts_with("# ") ? markdown.substr(2, end == markdown.npos ? end : end - 2)
                                    : std::string("Millrace");
}

std::string html_of(const std::string& markdown) {
  std::string html = fmt::format(kHead, title_of(markdown));
  const auto append = [](const MD_CHAR* text, MD_SIZE size, void* out) noexcept {
    static_cast<std::string*>(out)->append(text, size);
  };
  const int failed = md_html(markdown.data(), static_cast<MD_SIZE>(markdown.size()), append, &html,
                             MD_FLAG_TABLES, 0);
  check(failed == 0, "a page of the documentation is Markdown");
  return html + "</body></html>\n";
}

std::string list_of(const fs::path& folder) {
  std::vector<std::string> pages;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    std::string page = fs::relative(entry.path(), folder).generic_string();
    if (is_name_of_page(page)) pages.push_back(std::move(page));
  }
  std::sort(pages.begin(), pages.end());
  std::string list = "# The documentation\n\n";
  for (const std::string& page : pages) {
    list += fmt::format("* [{}](/docs/{})\n", title_of(file::read(folder / page)), page);
  }
  return list;
}

}  // namespace

std::optional<std::string> documentation(std::string_view page) {
  const fs::path folder = fs::canonical(fs::path(library_folder()) / "docs");
  if (page.empty()) return html_of(list_of(folder));
  if (!is_name_of_page(page) || !fs::is_regular_file(folder / page)) return {};
  return html_of(file::read(folder / page));
}

}  // namespace millrace::api
