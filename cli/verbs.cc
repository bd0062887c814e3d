#include "verb.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr VerbRow table[] = {
    {"info", "show geometry, features, counters and the state of the log", make_info},
    {"ls", "list names", make_ls},
    {"stat", "show what an inode says", make_stat},
    {"cat", "write a file's bytes to stdout", make_cat},
    {"readlink", "show where a symbolic link leads", make_readlink},
    {"bmap", "show where a file's blocks lie", make_bmap},
    {"swap", "exchange the contents of two files, atomically", make_swap},
    {"inspect", "decode a structure field by field", make_inspect},
};

}  // namespace

std::span<VerbRow const> verb_table() {
  return table;
}

}  // namespace xfsx::inline v0::cli
