#pragma once
// What a verb is. Each lives in a file of its own, declares its operands and options to the parser,
// and runs in a Session. The table in verbs.cc is the list of them all.

#include <xfsx/filesystem.h>

#include "parser.h"
#include "session.h"

#include <memory>
#include <span>

namespace xfsx::inline v0::cli {

class Verb {
 public:
  Verb() = default;
  Verb(Verb const&) = delete;
  Verb& operator=(Verb const&) = delete;
  virtual ~Verb() = default;

  /// Operands, options and the long help text.
  virtual void declare(Parser& parser) = 0;

  /// Whether the first operand is an IMAGE.
  [[nodiscard]] virtual bool needs_image() const { return true; }

  /// What parsing alone cannot check; a sentence, or empty. Wrong usage exits with 16.
  virtual std::string check_usage(GlobalOptions const&) { return {}; }

  /// Does it. An error is reported by the caller.
  virtual Result<void> run(Session& session) = 0;

  std::string image_name;  ///< as the person wrote it
};

/// A verb that shows something of one FILE of an image, which it only reads.
class FileVerb : public Verb {
 public:
  std::string check_usage(GlobalOptions const& options) override;
  Result<void> run(Session& session) override;

 protected:
  void declare_file(Parser& parser);

  /// The document of this verb, with the operand in it.
  [[nodiscard]] Value document(Session const& session, std::string_view verb) const;

  /// Does it, with the filesystem open and the operand looked up.
  virtual Result<void> show(Session& session, Filesystem& filesystem, InodeNumber inode) = 0;

 private:
  std::string file_;
};

struct VerbRow {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<Verb> (*make)();
};

/// All verbs, in the order in which --help lists them.
std::span<VerbRow const> verb_table();

std::unique_ptr<Verb> make_bmap();
std::unique_ptr<Verb> make_cat();
std::unique_ptr<Verb> make_completion();
std::unique_ptr<Verb> make_document();
std::unique_ptr<Verb> make_extract();
std::unique_ptr<Verb> make_find_owner();
std::unique_ptr<Verb> make_fresh();
std::unique_ptr<Verb> make_fuzz();
std::unique_ptr<Verb> make_info();
std::unique_ptr<Verb> make_inspect();
std::unique_ptr<Verb> make_log();
std::unique_ptr<Verb> make_ls();
std::unique_ptr<Verb> make_manual();
std::unique_ptr<Verb> make_readlink();
std::unique_ptr<Verb> make_recover();
std::unique_ptr<Verb> make_set();
std::unique_ptr<Verb> make_stat();
std::unique_ptr<Verb> make_swap();
std::unique_ptr<Verb> make_undo();
std::unique_ptr<Verb> make_xattr();

}  // namespace xfsx::inline v0::cli
