#include "testing/crash_states.h"

#include "base/assert.h"
#include "base/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace xfsx::inline v0 {

namespace {

/// splitmix64: a whole generator in one word, so that a state's id can carry it.
class Random {
 public:
  explicit Random(u64 seed) : state_(seed) {}
  u64 next() {
    state_ += 0x9e3779b97f4a7c15U;
    u64 z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  u64 below(u64 limit) { return next() % limit; }

 private:
  u64 state_;
};

u64 mix(u64 a, u64 b) {
  return Random(a ^ Random(b).next()).next();
}

enum class Subset : u8 { all, none, drop, keep, mask, random };
constexpr std::string_view subset_names[] = {"all", "none", "drop", "keep", "mask", "random"};

struct Choice {
  Subset subset = Subset::all;
  u64 number = 0;  // of the unit, the bits, or the seed
};

struct Sector {
  u64 offset = 0;
  ConstBytes bytes;
  u64 hash = 0;  // 0: equal to the base
};

struct Unit {
  u64 offset = 0;
  ConstBytes bytes;
  std::size_t first_sector = 0;
  std::size_t sector_count = 0;
};

struct Prefix {
  std::size_t open_begin = 0;  // units before it are durable
  bool write_end = true;
  std::size_t marks_any = 0;  // marks that a failure with any subset comes after
  std::size_t marks_all = 0;  // marks that one with all open units comes after
};

bool in_subset(Choice const& choice, Random& random, std::size_t open_index) {
  switch (choice.subset) {
    case Subset::all:
      return true;
    case Subset::none:
      return false;
    case Subset::drop:
      return open_index != choice.number;
    case Subset::keep:
      return open_index == choice.number;
    case Subset::mask:
      return open_index < 64 && ((choice.number >> open_index) & 1U) != 0;
    case Subset::random:
      break;
  }
  // Half of the units, or few of them, or most.
  constexpr u64 eighths[] = {4, 1, 7};
  return random.below(8) < eighths[choice.number % 3];
}

std::optional<std::pair<u64, Choice>> parse_id(std::string_view id) {
  std::size_t const slash = id.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  std::string_view kind = id.substr(slash + 1);
  std::string_view number = "0";
  if (std::size_t const colon = kind.find(':'); colon != std::string_view::npos) {
    number = kind.substr(colon + 1);
    kind = kind.substr(0, colon);
  }
  u64 prefix = 0;
  Choice choice;
  std::string_view const* const name = std::ranges::find(subset_names, kind);
  if (name == std::ranges::end(subset_names)) return std::nullopt;
  choice.subset = static_cast<Subset>(name - std::ranges::begin(subset_names));
  bool const numbers_good =
      std::from_chars(id.data(), id.data() + slash, prefix).ec == std::errc() &&
      std::from_chars(number.data(), number.data() + number.size(), choice.number, 16).ec ==
          std::errc();
  if (!numbers_good) return std::nullopt;
  return std::pair(prefix, choice);
}

}  // namespace

class CrashStateMaker {
 public:
  CrashStateMaker(MemoryDevice const& base, Recording const& recording, CrashOptions const& options)
      : base_(base.snapshot()), options_(options) {
    if (options_.unit == 0) options_.unit = recording.sector;
    prefixes_.push_back({});
    std::size_t open_begin = 0;
    for (RecordedEvent const& event : recording.events) {
      if (event.kind == RecordedEvent::Kind::write) {
        add_write(event, open_begin);
      } else if (event.kind == RecordedEvent::Kind::barrier) {
        open_begin = units_.size();
      } else {
        marks_.push_back(event.name);
        prefixes_.back().marks_all = marks_.size();
        // Without a barrier since the last write, the mark promises nothing about the open units.
        if (open_begin != units_.size() || units_.empty()) {
          prefixes_.back().marks_any = marks_.size();
        }
      }
    }
    committed_ = base_->snapshot();
  }

  u64 visit_all(CrashVisitor const& visit) {
    u64 candidates = 0;
    for (std::size_t p = 0; p < prefixes_.size(); ++p) candidates += choice_count(p);
    u64 wanted = options_.sample == 0 ? candidates : std::min(options_.sample, candidates);
    Random random(mix(options_.seed, candidates));
    u64 visited = 0;
    for (std::size_t p = 0; p < prefixes_.size(); ++p) {
      u64 const count = choice_count(p);
      for (u64 k = 0; k < count; ++k, --candidates) {
        // Of the candidates that are left, each is taken with the same probability.
        if (random.below(candidates) >= wanted) continue;
        --wanted;
        CrashState const state = make(p, choice(p, k));
        if (!seen_.insert(mix(hash_of(state), state.marks_.size())).second) continue;
        ++visited;
        if (!visit(state)) return visited;
      }
    }
    return visited;
  }

  bool visit_one(std::string_view id, CrashVisitor const& visit) {
    std::optional<std::pair<u64, Choice>> const parsed = parse_id(id);
    if (!parsed || parsed->first >= prefixes_.size()) return false;
    visit(make(parsed->first, parsed->second));
    return true;
  }

  bool ends_write(CrashState const& state) const { return prefixes_[state.prefix_].write_end; }

  std::map<u64, ConstBytes> delta_of(CrashState const& state) const {
    std::map<u64, Sector const*> latest;
    auto const put = [&](std::size_t index) {
      for (Sector const& sector : sectors_of(units_[index])) latest[sector.offset] = &sector;
    };
    for (std::size_t i = 0; i < prefixes_[state.prefix_].open_begin; ++i) put(i);
    for (std::size_t const i : state.kept_) put(i);
    std::map<u64, ConstBytes> delta;
    for (auto const& [offset, sector] : latest) {
      if (sector->hash != 0) delta[offset] = sector->bytes;
    }
    return delta;
  }

  std::unique_ptr<MemoryDevice> image_of(CrashState const& state) const {
    std::unique_ptr<MemoryDevice> image = committed_->snapshot();
    for (std::size_t const i : state.kept_) image->poke(units_[i].offset, units_[i].bytes);
    return image;
  }

 private:
  std::span<Sector const> sectors_of(Unit const& unit) const {
    return std::span<Sector const>(sectors_).subspan(unit.first_sector, unit.sector_count);
  }

  void add_write(RecordedEvent const& event, std::size_t open_begin) {
    ConstBytes const bytes(event.bytes);
    bool const whole = options_.indivisible && options_.indivisible(event.offset, bytes);
    u64 const step = whole ? bytes.size() : options_.unit;
    for (u64 at = 0; at < bytes.size(); at += step) {
      u64 const length = std::min<u64>(step, bytes.size() - at);
      Unit unit{event.offset + at, bytes.subspan(at, length), sectors_.size(), 0};
      for (u64 in = 0; in < length; in += options_.unit) {
        u64 const count = std::min<u64>(options_.unit, length - in);
        add_sector(unit.offset + in, unit.bytes.subspan(in, count));
      }
      unit.sector_count = sectors_.size() - unit.first_sector;
      units_.push_back(unit);
      bool const write_end = at + length == bytes.size();
      prefixes_.push_back({open_begin, write_end, marks_.size(), marks_.size()});
    }
  }

  void add_sector(u64 offset, ConstBytes bytes) {
    std::vector<std::byte> before(bytes.size());
    ReadRequest const request{offset, before};
    bool const known = base_->read({&request, 1}).has_value();
    XFSX_ASSERT(known);
    u64 hash = 0;
    if (!std::ranges::equal(before, bytes)) {
      hash = mix(std::hash<std::string_view>{}(text_of(bytes)), offset);
      if (hash == 0) hash = 1;
    }
    sectors_.push_back({offset, bytes, hash});
  }

  std::size_t open_count(std::size_t prefix) const { return prefix - prefixes_[prefix].open_begin; }

  bool tries_every_subset(std::size_t open) const {
    return open < 20 && (u64{1} << open) <= options_.subsets + 2;
  }

  u64 choice_count(std::size_t prefix) const {
    std::size_t const open = open_count(prefix);
    if (!prefixes_[prefix].write_end || open == 0) return 1;
    if (tries_every_subset(open)) return u64{1} << open;
    return 2 + options_.subsets;
  }

  Choice choice(std::size_t prefix, u64 k) const {
    std::size_t const open = open_count(prefix);
    if (k == 0) return {Subset::all, 0};
    if (k == 1) return {Subset::none, 0};
    if (tries_every_subset(open)) return {Subset::mask, k - 1};
    k -= 2;
    Random random(mix(options_.seed, mix(prefix, k)));
    u64 const number = random.next();
    if (2 * open <= options_.subsets) {
      if (k < open) return {Subset::drop, k};
      if (k < 2 * open) return {Subset::keep, k - open};
      return {Subset::random, number};
    }
    // More units than states: some of each kind.
    if (k % 4 == 0) return {Subset::drop, number % open};
    if (k % 4 == 1) return {Subset::keep, number % open};
    return {Subset::random, number};
  }

  /// The state of a prefix; prefixes come in rising order, so what is durable only grows.
  CrashState make(std::size_t prefix, Choice const& choice) {
    Prefix const& at = prefixes_[prefix];
    for (; committed_count_ < at.open_begin; ++committed_count_) {
      Unit const& unit = units_[committed_count_];
      committed_->poke(unit.offset, unit.bytes);
      for (Sector const& sector : sectors_of(unit)) {
        u64& hash = committed_hashes_[sector.offset];
        committed_sum_ += sector.hash - hash;
        hash = sector.hash;
      }
    }
    CrashState state;
    state.maker_ = this;
    state.prefix_ = prefix;
    Random random(choice.number);
    for (std::size_t i = at.open_begin; i < prefix; ++i) {
      if (in_subset(choice, random, i - at.open_begin)) state.kept_.push_back(i);
    }
    bool const all = choice.subset == Subset::all;
    std::size_t const passed = all ? at.marks_all : at.marks_any;
    state.marks_.assign(marks_.begin(), marks_.begin() + static_cast<std::ptrdiff_t>(passed));
    bool const plain = all || choice.subset == Subset::none;
    std::string_view const name = subset_names[static_cast<std::size_t>(choice.subset)];
    state.id_ = plain ? fmt::format("{}/{}", prefix, name)
                      : fmt::format("{}/{}:{:x}", prefix, name, choice.number);
    return state;
  }

  /// A sum over the sectors that differ from the base, so that it follows a change of one sector.
  u64 hash_of(CrashState const& state) const {
    std::unordered_map<u64, u64> latest;
    for (std::size_t const i : state.kept_) {
      for (Sector const& sector : sectors_of(units_[i])) latest[sector.offset] = sector.hash;
    }
    u64 sum = committed_sum_;
    for (auto const& [offset, hash] : latest) {
      std::unordered_map<u64, u64>::const_iterator const old = committed_hashes_.find(offset);
      sum += hash - (old == committed_hashes_.end() ? 0 : old->second);
    }
    return sum;
  }

  std::unique_ptr<MemoryDevice> base_;
  CrashOptions options_;
  std::vector<Sector> sectors_;
  std::vector<Unit> units_;
  std::vector<Prefix> prefixes_;  // index: how many units
  std::vector<std::string> marks_;
  std::unique_ptr<MemoryDevice> committed_;
  std::size_t committed_count_ = 0;
  std::unordered_map<u64, u64> committed_hashes_;
  u64 committed_sum_ = 0;
  std::unordered_set<u64> seen_;
};

bool CrashState::after(std::string_view mark) const {
  return std::ranges::find(marks_, mark) != marks_.end();
}

bool CrashState::ends_write() const {
  return maker_->ends_write(*this);
}

std::map<u64, ConstBytes> CrashState::delta() const {
  return maker_->delta_of(*this);
}

std::unique_ptr<MemoryDevice> CrashState::image() const {
  return maker_->image_of(*this);
}

u64 for_each_crash_state(MemoryDevice const& base, Recording const& recording,
                         CrashOptions const& options, CrashVisitor const& visit) {
  return CrashStateMaker(base, recording, options).visit_all(visit);
}

bool replay_crash_state(MemoryDevice const& base, Recording const& recording,
                        CrashOptions const& options, std::string_view id,
                        CrashVisitor const& visit) {
  return CrashStateMaker(base, recording, options).visit_one(id, visit);
}

}  // namespace xfsx::inline v0
