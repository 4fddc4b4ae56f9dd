// The largest request for memory, in a process with AddressSanitizer: loaded by support/requests.py.
#include <stdatomic.h>
#include <stddef.h>

// Of sanitizer/allocator_interface.h, which not every compiler package has.
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, size_t),
                                              void (*on_free)(const volatile void*));

static atomic_size_t largest;

static void requested(const volatile void* block, size_t bytes) {
  (void)block;
  size_t seen = atomic_load(&largest);
  while (bytes > seen && !atomic_compare_exchange_weak(&largest, &seen, bytes)) {
  }
}

static void freed(const volatile void* block) { (void)block; }

int requests_install(void) { return __sanitizer_install_malloc_and_free_hooks(requested, freed); }

// Bytes, since the last call.
size_t requests_largest(void) { return atomic_exchange(&largest, 0); }
