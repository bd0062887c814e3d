// xfsx cat IMAGE FILE

#include "text.h"
#include "verb.h"

#include "base/view.h"
#include "cache/buffer_cache.h"

#include <future>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Writes the bytes of a regular file to stdout; holes and unwritten blocks are zeros. On a\n"
    "terminal control characters other than line ends and tabs, and bytes that are not UTF-8,\n"
    "are shown as a backslash and three octal digits. With --json the document has the bytes,\n"
    "base64, in `data_bytes`; after a read error it ends where the error was met.\n";

// A multiple of 3, so that base64 goes on seamlessly, and large: between two chunks the queue of
// the device runs empty.
constexpr std::size_t chunk_size = 24 << 20;
// What is written at once; between two pieces progress is told and a wish to stop is heard. Also a
// multiple of 3.
constexpr std::size_t piece_size = 3 << 20;
static_assert(chunk_size % piece_size == 0 && piece_size % 3 == 0);

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

class Cat : public FileVerb {
 public:
  void declare(Parser& parser) override {
    declare_file(parser);
    parser.details(help);
  }

  Result<void> show(Session& session, Filesystem& fs, InodeNumber inode) override {
    XFSX_TRY(FileStatus const status, fs.stat(inode));
    // The first read comes before the first output, so that a refusal has no half document.
    Chunk chunk(status.size);
    XFSX_TRY(chunk.got, fs.read(inode, 0, chunk.buffer.bytes()));
    XFSX_TRYV(begin(session, status));
    Chunk next(status.size > chunk.got ? status.size : 0);
    for (u64 at = 0; chunk.got != 0;) {
      u64 const end = at + chunk.got;
      XFSX_TRYV(read_while(end < status.size ? &next : nullptr, fs, inode, end,
                           [&] { return put_pieces(session, chunk.text(), at, status.size); }));
      if (end >= status.size) break;
      at = end;
      std::swap(chunk, next);
    }
    return session.options().json ? session.print("\"}\n") : Result<void>(success());
  }

 private:
  struct Chunk {
    explicit Chunk(u64 size)
        : buffer(AlignedBytes::uninitialized(std::min<u64>(std::max<u64>(size, 1), chunk_size))) {}
    [[nodiscard]] std::string_view text() const { return text_of(buffer.bytes().first(got)); }

    AlignedBytes buffer;
    u64 got = 0;
  };

  /// Fills `next`, if there is one, from byte `at` on while `work` runs: the device reads while
  /// what it read before is written.
  template <class Work>
  static Result<void> read_while(Chunk* next, Filesystem& fs, InodeNumber inode, u64 at,
                                 Work work) {
    if (next == nullptr) return work();
    Result<u64> got = u64{0};
    std::future<void> reader =
        std::async(std::launch::async, [&] { got = fs.read(inode, at, next->buffer.bytes()); });
    Result<void> const done = work();  // the future waits if this throws
    reader.get();
    XFSX_TRYV(done);
    XFSX_TRY(next->got, got);
    return success();
  }

  Result<void> begin(Session& session, FileStatus const& status) {
    if (!session.options().json) return success();
    Value said = document(session, "cat");
    said.add(Value::wide_integer("size", status.size));
    return session.print_open_document(said, "data_bytes");
  }

  /// Writes `bytes`, which begin at byte `at` of `size` ones.
  Result<void> put_pieces(Session& session, std::string_view bytes, u64 at, u64 size) {
    while (!bytes.empty()) {
      std::string_view const piece = bytes.substr(0, piece_size);
      at += piece.size();
      XFSX_TRYV(put(session, piece, at >= size));
      bytes.remove_prefix(piece.size());
      if (at >= size) break;
      session.progress("bytes read", at, size);
      XFSX_TRYV(session.check_cancelled());
    }
    return success();
  }

  Result<void> put(Session& session, std::string_view bytes, bool last) {
    if (session.options().json) return session.print(base64(bytes));
    if (!session.environment().out.is_terminal()) return session.print(bytes);
    return session.print(terminal_.take(bytes, last));
  }

  TerminalText terminal_;
};

}  // namespace

std::unique_ptr<Verb> make_cat() {
  return std::make_unique<Cat>();
}

}  // namespace xfsx::inline v0::cli
