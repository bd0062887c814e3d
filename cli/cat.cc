// xfsx cat IMAGE FILE

#include "open_image.h"
#include "text.h"
#include "verb.h"

#include "base/view.h"
#include "cache/buffer_cache.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Writes the bytes of a regular file to stdout; holes and unwritten blocks are zeros. On a\n"
    "terminal control characters other than line ends and tabs, and bytes that are not UTF-8,\n"
    "are shown as a backslash and three octal digits. With --json the document has the bytes,\n"
    "base64, in `data_bytes`; after a read error it ends where the error was met.\n";

constexpr std::size_t chunk_size = 3 << 20;  // a multiple of 3, so that base64 goes on seamlessly

/// Bytes for a terminal. A character that a chunk cuts in two waits for its other half.
class TerminalText {
 public:
  std::string take(std::string_view chunk, bool last) {
    kept_ += chunk;
    std::size_t whole = kept_.size();
    for (std::size_t back = 1; !last && back < 4 && back <= kept_.size(); ++back) {
      if (utf8_incomplete(std::string_view(kept_).substr(kept_.size() - back))) {
        whole = kept_.size() - back;
      }
    }
    std::string out;
    std::string_view rest(kept_.data(), whole);
    while (!rest.empty()) {
      std::size_t const n = std::min(rest.find_first_of("\n\t"), rest.size());
      out += escape(rest.substr(0, n), false);
      if (n < rest.size()) out += rest[n];
      rest.remove_prefix(std::min(n + 1, rest.size()));
    }
    kept_.erase(0, whole);
    return out;
  }

 private:
  std::string kept_;
};

class Cat : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.operand("FILE", file_, "an absolute path, or inode:N");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const& options) override {
    return check_operand(file_, options);
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(OpenImage const image, open_image(session, false));
    XFSX_TRY(InodeNumber const inode, resolve_operand(session, *image.filesystem, file_));
    XFSX_TRY(FileStatus const status, image.filesystem->stat(inode));
    // The first read comes before the first output, so that a refusal has no half document.
    AlignedBytes buffer(chunk_size);
    XFSX_TRY(u64 got, image.filesystem->read(inode, 0, buffer.bytes()));
    XFSX_TRYV(begin(session, status));
    for (u64 at = 0; got != 0;) {
      at += got;
      XFSX_TRYV(put(session, text_of(buffer.bytes().first(got)), at >= status.size));
      session.progress("bytes read", at, status.size);
      XFSX_TRYV(session.check_cancelled());
      XFSX_TRY(got, image.filesystem->read(inode, at, buffer.bytes()));
    }
    return session.options().json ? session.print("\"}\n") : Result<void>(success());
  }

 private:
  Result<void> begin(Session& session, FileStatus const& status) {
    if (!session.options().json) return success();
    Value document = session.document("cat");
    document.add(Value::words("file", operand_bytes(file_, session.options())));
    document.add(Value::wide_integer("size", status.size));
    return session.print_open_document(document, "data_bytes");
  }

  Result<void> put(Session& session, std::string_view bytes, bool last) {
    if (session.options().json) return session.print(base64(bytes));
    if (!session.environment().out.is_terminal()) return session.print(bytes);
    return session.print(terminal_.take(bytes, last));
  }

  std::string file_;
  TerminalText terminal_;
};

}  // namespace

std::unique_ptr<Verb> make_cat() {
  return std::make_unique<Cat>();
}

}  // namespace xfsx::inline v0::cli
