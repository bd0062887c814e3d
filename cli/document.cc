// xfsx document [NAME] [--out DIR]

#include <fmt/format.h>

#include "inspect/registry.h"
#include "inspect/unchecked.h"
#include "verb.h"
#include "written_file.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Writes the tables of all on-disk structures as Markdown: the page NAME, or the list of "
    "pages,\n"
    "to stdout; with --out all pages to files in DIR.\n";

Value field_value(std::string_view name, std::string_view doc) {
  Value v = Value::group({});
  v.add(Value::words("name", name));
  v.add(Value::words("doc", doc));
  return v;
}

Value structure_value(inspect::Structure const& structure) {
  Value v = field_value(structure.name, structure.doc);
  v.add(Value::integer("bytes", structure.size));
  Value fields = Value::list("fields");
  for (disk::Field const& f : structure.fields) {
    Value& field = fields.add(field_value(f.name, f.doc));
    field.add(Value::integer("offset", f.offset));
    field.add(Value::integer("bytes", f.size));
    field.add(Value::integer("count", f.count));
  }
  v.add(std::move(fields));
  Value bits = Value::list("bits");
  for (disk::BitField const& f : structure.bits) {
    Value& field = bits.add(field_value(f.name, f.doc));
    field.add(Value::integer("offset", f.offset));
    field.add(Value::integer("width", f.width));
  }
  v.add(std::move(bits));
  return v;
}

constexpr std::string_view unchecked_page = "unchecked-fields";

class Document : public Verb {
 public:
  [[nodiscard]] bool needs_image() const override { return false; }

  void declare(Parser& parser) override {
    parser.optional_operand("NAME", name_, "a page, such as btrees");
    parser.text("--out", "DIR", folder_, "write all pages to files in DIR");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const&) override {
    if (name_.empty()) return {};
    if (!folder_.empty()) return "--out writes all pages; leave NAME out";
    if (page() == nullptr && name_ != unchecked_page)
      return "there is no such page; xfsx document lists them";
    return {};
  }

  Result<void> run(Session& session) override {
    if (session.options().json) return print_json(session);
    if (!folder_.empty()) return write_all();
    if (name_ == unchecked_page) return session.print(inspect::markdown_unchecked());
    return session.print(page() == nullptr ? inspect::markdown_index()
                                           : inspect::to_markdown(*page()));
  }

 private:
  [[nodiscard]] inspect::Family const* page() const {
    for (inspect::Family const& family : inspect::families()) {
      if (family.name == name_) return &family;
    }
    return nullptr;
  }

  Result<void> print_json(Session& session) const {
    Value document = session.document("document");
    Value pages = Value::list("pages");
    for (inspect::Family const& family : inspect::families()) {
      if (!name_.empty() && family.name != name_) continue;
      Value& entry = pages.add(field_value(family.name, family.title));
      Value structures = Value::list("structures");
      for (inspect::Structure const& s : family.structures) structures.add(structure_value(s));
      entry.add(std::move(structures));
    }
    document.add(std::move(pages));
    Value unchecked = Value::list("unchecked_fields");
    bool const wanted = name_.empty() || name_ == unchecked_page;
    for (inspect::UncheckedField const& f : inspect::unchecked_fields()) {
      if (!wanted) break;
      Value& entry = unchecked.add(Value::group({}));
      entry.add(Value::words("structure", f.structure));
      entry.add(Value::words("path", f.path));
      entry.add(Value::words("why", inspect::to_string(f.why)));
      entry.add(Value::words("reason", f.reason));
    }
    document.add(std::move(unchecked));
    return session.print_document(document);
  }

  [[nodiscard]] Result<void> write_all() const {
    XFSX_TRYV(make_folder(folder_));
    XFSX_TRYV(write_file(folder_ + "/README.md", inspect::markdown_index()));
    for (inspect::Family const& family : inspect::families()) {
      std::string const path = fmt::format("{}/{}.md", folder_, family.name);
      XFSX_TRYV(write_file(path, inspect::to_markdown(family)));
    }
    return write_file(fmt::format("{}/{}.md", folder_, unchecked_page),
                      inspect::markdown_unchecked());
  }

  std::string name_;
  std::string folder_;
};

}  // namespace

std::unique_ptr<Verb> make_document() {
  return std::make_unique<Document>();
}

}  // namespace xfsx::inline v0::cli
