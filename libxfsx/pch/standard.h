// What almost every file includes, compiled once where the compiler can (b_pch). Files include what
// they need nevertheless: with -Db_pch=false this is not there.

#include <xfsx/result.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
