// xfsx xattr IMAGE FILE [NAME]

#include "base/view.h"
#include "text.h"
#include "verb.h"

#include <fmt/format.h>

#include <algorithm>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Lists the names of a file's extended attributes, one a line, sorted by their bytes, with\n"
    "the namespace before the first dot: user, trusted or security. With NAME its value is\n"
    "written, raw bytes and nothing else. ACLs are shown as they lie on disk, as\n"
    "trusted.SGI_ACL_FILE and trusted.SGI_ACL_DEFAULT. Parent pointers are not listed, as Linux\n"
    "does not list them. With --json values are always shown.\n";

std::string full_name(Attribute const& a) {
  return fmt::format("{}.{}", to_string(a.space), a.name);
}

std::string_view text_of_value(Attribute const& a) {
  return text_of(ConstBytes(a.value));
}

class Xattr : public FileVerb {
 public:
  void declare(Parser& parser) override {
    declare_file(parser);
    parser.optional_operand("NAME", name_, "an attribute with its namespace, as user.comment");
    parser.details(help);
  }

  Result<void> show(Session& session, Filesystem& fs, InodeNumber inode) override {
    std::vector<Attribute> found;
    XFSX_TRYV(fs.attributes(inode, [&](Attribute const& a) {
      bool const wanted =
          a.space != AttributeSpace::parent && (name_.empty() || full_name(a) == name_);
      if (wanted) found.push_back(a);
      return true;
    }));
    if (!name_.empty() && found.empty()) return refuse(ENODATA, "has no attribute of this name");
    std::ranges::sort(found, {}, full_name);
    if (session.options().json) return show_document(session, found);
    if (!name_.empty()) return session.print(text_of_value(found.front()));
    bool const terminal = session.environment().out.is_terminal();
    for (Attribute const& a : found) {
      std::string const name = full_name(a);
      XFSX_TRYV(session.print((terminal ? escape(name, true) : name) + "\n"));
    }
    return success();
  }

 private:
  Result<void> show_document(Session& session, std::vector<Attribute> const& found) {
    Value list = Value::list("attributes");
    for (Attribute const& a : found) {
      Value& row = list.add(Value::group({}));
      row.add(Value::words("name", full_name(a)));
      row.add(Value::integer("size", a.value.size()));
      row.add(Value::words("value", text_of_value(a)));
    }
    Value said = document(session, "xattr");
    said.add(std::move(list));
    return session.print_document(said);
  }

  std::string name_;
};

}  // namespace

std::unique_ptr<Verb> make_xattr() {
  return std::make_unique<Xattr>();
}

}  // namespace xfsx::inline v0::cli
