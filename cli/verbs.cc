#include "verb.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr VerbRow table[] = {
    {"info", "show geometry, features, counters and the state of the log", make_info},
    {"ls", "list names", make_ls},
    {"stat", "show what an inode says", make_stat},
    {"cat", "write a file's bytes to stdout", make_cat},
    {"readlink", "show where a symbolic link leads", make_readlink},
    {"xattr", "list extended attributes, or write the value of one", make_xattr},
    {"bmap", "show where a file's blocks lie", make_bmap},
    {"extract", "copy a tree out of the image", make_extract},
    {"find-owner", "tell which inode or structure owns a block", make_find_owner},
    {"recover", "replay the log, finish what was interrupted, leave a clean log", make_recover},
    {"swap", "exchange the contents of two files, atomically", make_swap},
    {"undo", "take back a change that was made with --undo", make_undo},
    {"fresh", "print what a file is now, to exchange it only if it still is", make_fresh},
    {"inspect", "decode a structure field by field", make_inspect},
    {"set", "change one field of a structure, to test with", make_set},
    {"fuzz", "damage one field of a structure, to test with", make_fuzz},
    {"document", "write the tables of all structures as Markdown", make_document},
    {"log", "show records, transactions and items of the log", make_log},
    {"manual", "write manual pages", make_manual},
    {"completion", "write what lets a shell complete words", make_completion},
};

}  // namespace

std::span<VerbRow const> verb_table() {
  return table;
}

}  // namespace xfsx::inline v0::cli
