#pragma once
// All that could be damaged in an image: its structures and fields as a list, and a small delta for
// each field and verb.

#include "change.h"

namespace xfsx::inline v0::cli {

/// The structures that a person asked for.
struct Choice {
  std::string words;                      ///< as inspect takes them; empty for all
  std::optional<inspect::Target> target;  ///< what they mean
};

/// Shows every structure and each field of it that can be changed, in the words that inspect, set
/// and fuzz take.
Result<void> list_fields(Session& session, Devices const& devices, Choice const& choice);

struct CaseOptions {
  std::string folder;  ///< where deltas go; made if it is not there
  bool bad_crc = false;
  u64 seed = 0;               ///< of random bits and of the sample
  std::optional<u64> sample;  ///< how many cases to take; all without
};

constexpr u64 largest_sample = 1'000'000;

/// Writes a delta for each field and each of the eight verbs that changes it. Files that are there
/// already are kept, so that a run that was ended goes on. Memory: 8 bytes for each case of a
/// sample. Errors: io; refused EEXIST if the folder holds the cases of other options.
Result<void> write_cases(Session& session, Devices const& devices, Choice const& choice,
                         CaseOptions const& options);

}  // namespace xfsx::inline v0::cli
