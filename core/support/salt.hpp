// A secret of the process, for hash tables whose keys come from texts.
#pragma once

#include <cstdint>

namespace sparsedistill {

// An odd random number, the same during the life of the process. A table that takes the upper bits of key times salt
// cannot be slowed down by texts whose keys were chosen to collide (Dietzfelbinger et al. 1997). What a table holds
// must not depend on it.
std::uint64_t process_salt();

}  // namespace sparsedistill
