#include "verb.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr VerbRow table[] = {
    {"inspect", "decode a structure field by field", make_inspect},
};

}  // namespace

std::span<VerbRow const> verb_table() { return table; }

}  // namespace xfsx::inline v0::cli
