#pragma once
// All targets by name. A target's file defines LLVMFuzzerTestOneInput, which fuzz/meson.build calls
// fuzz_NAME where all of them are in one program.

#include <cstddef>
#include <cstdint>

extern "C" {
int fuzz_ag_headers(std::uint8_t const* data, std::size_t size);
int fuzz_attribute(std::uint8_t const* data, std::size_t size);
int fuzz_btree_block(std::uint8_t const* data, std::size_t size);
int fuzz_directory(std::uint8_t const* data, std::size_t size);
int fuzz_image(std::uint8_t const* data, std::size_t size);
int fuzz_inode(std::uint8_t const* data, std::size_t size);
int fuzz_inode_btree(std::uint8_t const* data, std::size_t size);
int fuzz_inspect(std::uint8_t const* data, std::size_t size);
int fuzz_log_head(std::uint8_t const* data, std::size_t size);
int fuzz_log_items(std::uint8_t const* data, std::size_t size);
int fuzz_log_ops(std::uint8_t const* data, std::size_t size);
int fuzz_mapping(std::uint8_t const* data, std::size_t size);
int fuzz_qcow2(std::uint8_t const* data, std::size_t size);
int fuzz_quota_realtime(std::uint8_t const* data, std::size_t size);
int fuzz_recovery(std::uint8_t const* data, std::size_t size);
int fuzz_superblock(std::uint8_t const* data, std::size_t size);
int fuzz_symlink(std::uint8_t const* data, std::size_t size);
}

namespace xfsx::fuzz {

struct Target {
  char const* name;
  int (*run)(std::uint8_t const* data, std::size_t size);
};

inline constexpr Target targets[] = {
    {"ag_headers", fuzz_ag_headers},
    {"attribute", fuzz_attribute},
    {"btree_block", fuzz_btree_block},
    {"directory", fuzz_directory},
    {"image", fuzz_image},
    {"inode", fuzz_inode},
    {"inode_btree", fuzz_inode_btree},
    {"inspect", fuzz_inspect},
    {"log_head", fuzz_log_head},
    {"log_items", fuzz_log_items},
    {"log_ops", fuzz_log_ops},
    {"mapping", fuzz_mapping},
    {"qcow2", fuzz_qcow2},
    {"quota_realtime", fuzz_quota_realtime},
    {"recovery", fuzz_recovery},
    {"superblock", fuzz_superblock},
    {"symlink", fuzz_symlink},
};

}  // namespace xfsx::fuzz
