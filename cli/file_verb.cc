#include "open_image.h"
#include "verb.h"

namespace xfsx::inline v0::cli {

void FileVerb::declare_file(Parser& parser) {
  parser.operand("FILE", file_, "an absolute path, or inode:N");
}

std::string FileVerb::check_usage(GlobalOptions const& options) {
  return check_operand(file_, options);
}

Result<void> FileVerb::run(Session& session) {
  XFSX_TRY(OpenImage const image, open_image(session, false));
  XFSX_TRY(InodeNumber const inode, resolve_operand(session, *image.filesystem, file_));
  return show(session, *image.filesystem, inode);
}

Value FileVerb::document(Session const& session, std::string_view verb) const {
  Value document = session.document(verb);
  document.add(Value::words("file", operand_bytes(file_, session.options())));
  return document;
}

}  // namespace xfsx::inline v0::cli
