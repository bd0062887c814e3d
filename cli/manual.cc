// xfsx manual [VERB] [--out DIR]

#include "usage.h"
#include "verb.h"
#include "written_file.h"

#include <fmt/format.h>

#include <algorithm>

#ifndef XFSX_VERSION
#error "the build defines XFSX_VERSION"
#endif

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Writes the manual page of VERB, or of the program itself, to stdout, for man -l -; with\n"
    "--out all of them to files in DIR.\n";

/// Text as roff: what it would take for an escape, for a hyphen or for a request is kept.
std::string roff(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (char const c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    line_start = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '`' || c == '\'') {
      out += c == '`' ? "\\(ga" : "\\(aq";
    } else {
      out += c;
    }
  }
  return out;
}

/// Paragraphs as they stand; lines that are indented keep their shape.
std::string body(std::string_view text) {
  std::string out;
  bool kept = false;
  while (!text.empty()) {
    std::size_t const end = std::min(text.find('\n'), text.size());
    std::string_view const line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    bool const keep = line.starts_with("  ");
    if (keep != kept) out += keep ? ".nf\n" : ".fi\n";
    kept = keep;
    out += line.empty() ? ".PP\n" : roff(line) + "\n";
  }
  return out + (kept ? ".fi\n" : "");
}

std::string option_text(OptionUsage const& option) {
  std::string names;
  for (std::string const& name : option.names) {
    names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
  }
  if (!option.value.empty()) names += fmt::format(" \\fI{}\\fR", roff(option.value));
  return fmt::format(".TP\n{}\n{}\n", names, roff(option.help));
}

std::string options_text(std::vector<OptionUsage> const& options) {
  std::string text;
  for (OptionUsage const& option : options) text += option_text(option);
  return text;
}

std::string head(std::string_view title, std::string_view name, std::string_view summary) {
  return fmt::format(".TH {} 1 \"\" \"xfsx {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n", title,
                     XFSX_VERSION, roff(name), roff(summary));
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return text;
}

std::string synopsis(VerbUsage const& verb) {
  std::string text = fmt::format(".SH SYNOPSIS\n\\fBxfsx {}\\fR [\\fIOPTION\\fR]...", verb.name);
  for (OptionUsage const& operand : verb.operands) {
    std::string const word =
        fmt::format("\\fI{}\\fR{}", roff(operand.names.front()), operand.repeats ? "..." : "");
    text += operand.required ? " " + word : fmt::format(" [{}]", word);
  }
  return text + "\n";
}

std::string verb_page(Usage const& usage, VerbUsage const& verb) {
  std::string text = head(upper("xfsx-" + verb.name), "xfsx-" + verb.name, verb.summary);
  text += synopsis(verb);
  text += ".SH DESCRIPTION\n" + body(verb.details);
  text += ".SH OPERANDS\n" + options_text(verb.operands);
  if (!verb.options.empty()) text += ".SH OPTIONS\n" + options_text(verb.options);
  text += ".SH OPTIONS OF EVERY VERB\n" + options_text(usage.options);
  text += ".SH EXIT STATUS\n" + body(usage.statuses.substr(usage.statuses.find('\n') + 1));
  return text + ".SH SEE ALSO\n.BR xfsx (1)\n";
}

std::string program_page(Usage const& usage) {
  std::string text = head("XFSX", "xfsx", "read and change XFS filesystems that are not mounted");
  text += ".SH SYNOPSIS\n\\fBxfsx\\fR [\\fIOPTION\\fR]... \\fIVERB\\fR [\\fIOPERAND\\fR]...\n";
  text += ".SH DESCRIPTION\n" + body(usage.description) + ".SH VERBS\n";
  for (VerbUsage const& verb : usage.verbs) {
    text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(verb.name), roff(verb.summary));
  }
  text += ".SH OPTIONS\n" + options_text(usage.options);
  text += ".SH EXIT STATUS\n" + body(usage.statuses.substr(usage.statuses.find('\n') + 1));
  text += ".SH SEE ALSO\n";
  for (VerbUsage const& verb : usage.verbs) {
    text += fmt::format(".BR xfsx\\-{} (1){}\n", roff(verb.name),
                        &verb == &usage.verbs.back() ? "" : ",");
  }
  return text;
}

class Manual : public Verb {
 public:
  [[nodiscard]] bool needs_image() const override { return false; }

  void declare(Parser& parser) override {
    parser.optional_operand("VERB", name_, "the verb; the program itself without it");
    parser.text("--out", "DIR", folder_, "write all pages to files in DIR");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const& options) override {
    if (options.json) return "manual pages are text; leave --json out";
    if (!folder_.empty() && !name_.empty()) return "--out writes all pages; leave VERB out";
    usage_ = describe_usage();
    bool const known = name_.empty() || page() != nullptr;
    return known ? std::string() : fmt::format("there is no verb '{}'", name_);
  }

  Result<void> run(Session& session) override {
    if (!folder_.empty()) return write_all();
    return session.print(page() == nullptr ? program_page(usage_) : verb_page(usage_, *page()));
  }

 private:
  [[nodiscard]] VerbUsage const* page() const {
    auto const found = std::ranges::find(usage_.verbs, name_, &VerbUsage::name);
    return found == usage_.verbs.end() ? nullptr : &*found;
  }

  [[nodiscard]] Result<void> write_all() const {
    XFSX_TRYV(make_folder(folder_));
    XFSX_TRYV(write_file(folder_ + "/xfsx.1", program_page(usage_)));
    for (VerbUsage const& verb : usage_.verbs) {
      XFSX_TRYV(
          write_file(fmt::format("{}/xfsx-{}.1", folder_, verb.name), verb_page(usage_, verb)));
    }
    return success();
  }

  std::string name_, folder_;
  Usage usage_;
};

}  // namespace

std::unique_ptr<Verb> make_manual() {
  return std::make_unique<Manual>();
}

}  // namespace xfsx::inline v0::cli
