// Runs targets on kept inputs where there is no libFuzzer: with g++, in a debugger, and in the
// tests. All targets are in one program.
//
//    xfsx_fuzz_replay TARGET INPUT...           scripts, each a file or a folder of files
//    xfsx_fuzz_replay --disk DISK...            disks that were kept, see support/examine.h
//    xfsx_fuzz_replay --keep DISK TARGET INPUT  keeps the disk that a script makes

#include "fuzz/support/examine.h"
#include "fuzz/support/overlay_disk.h"
#include "fuzz/targets.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

namespace {

using namespace xfsx::fuzz;

int complain(std::string const& what) {
  std::fprintf(stderr, "xfsx_fuzz_replay: %s\n", what.c_str());
  return 2;
}

Target const* find_target(std::string_view name) {
  Target const* const found = std::ranges::find(targets, name, &Target::name);
  return found == std::end(targets) ? nullptr : found;
}

/// The files that `arguments` name, those inside folders in order.
std::vector<std::string> files_of(std::span<char* const> arguments) {
  std::vector<std::string> files;
  for (char const* const argument : arguments) {
    if (!std::filesystem::is_directory(argument)) {
      files.emplace_back(argument);
      continue;
    }
    std::size_t const first = files.size();
    for (std::filesystem::directory_entry const& entry :
         std::filesystem::directory_iterator(argument)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(first), files.end());
  }
  return files;
}

int run_script(Target const& target, std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return complain("cannot read " + path);
  std::string const text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<std::uint8_t> const bytes(text.begin(), text.end());
  // An input that ends the process is the one named last.
  std::fprintf(stderr, "%s %s\n", target.name, path.c_str());
  return target.run(bytes.data(), bytes.size());
}

int run_scripts(std::string_view name, std::span<char* const> arguments) {
  Target const* const target = find_target(name);
  if (target == nullptr) return complain("there is no target " + std::string(name));
  std::vector<std::string> const files = files_of(arguments);
  for (std::string const& file : files) {
    if (int const status = run_script(*target, file); status != 0) return status;
  }
  std::printf("%zu inputs\n", files.size());
  return files.empty() ? complain("no inputs") : 0;
}

int run_disks(std::span<char* const> arguments) {
  std::vector<std::string> const files = files_of(arguments);
  for (std::string const& file : files) {
    std::fprintf(stderr, "disk %s\n", file.c_str());
    xfsx::Result<void> const done = examine_disk(file);
    if (!done) return complain(file + ": " + xfsx::describe(done.error()));
  }
  std::printf("%zu disks\n", files.size());
  return files.empty() ? complain("no disks") : 0;
}

int keep_disk(char const* path, std::string_view name, char* const& input) {
  std::FILE* const file = std::fopen(path, "wb");
  if (file == nullptr) return complain(std::string("cannot write ") + path);
  OverlayDisk::record(file);
  int const status = run_scripts(name, {&input, 1});
  OverlayDisk::record(nullptr);
  return std::fclose(file) == 0 ? status : complain(std::string("cannot write ") + path);
}

}  // namespace

int main(int argc, char** argv) {
  std::span<char* const> const arguments(argv + 1, argv + std::max(argc, 1));
  if (arguments.size() == 4 && std::string_view(arguments[0]) == "--keep") {
    return keep_disk(arguments[1], arguments[2], arguments[3]);
  }
  if (arguments.size() < 2) return complain("usage: TARGET INPUT... | --disk DISK...");
  if (std::string_view(arguments[0]) == "--disk") return run_disks(arguments.subspan(1));
  return run_scripts(arguments[0], arguments.subspan(1));
}
