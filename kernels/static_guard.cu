// static_guard.cu: what a compiler calls around the first use of a static variable within a
// function, such as the kernel handles that nvcc keeps, so that no C++ library is needed for it.
// Itanium C++ ABI, 3.3.3: the first byte says whether the variable is ready, the others are ours.

#include <sched.h>
#include <stdint.h>

extern "C" int __cxa_guard_acquire(int64_t *guard) {
  char *ready = reinterpret_cast<char *>(guard);
  char *taken = ready + 1;
  while (__atomic_exchange_n(taken, 1, __ATOMIC_ACQUIRE)) {
    sched_yield();
  }
  if (!__atomic_load_n(ready, __ATOMIC_ACQUIRE)) {
    return 1;
  }
  __atomic_store_n(taken, 0, __ATOMIC_RELEASE);
  return 0;
}

extern "C" void __cxa_guard_release(int64_t *guard) {
  char *ready = reinterpret_cast<char *>(guard);
  __atomic_store_n(ready, 1, __ATOMIC_RELEASE);
  __atomic_store_n(ready + 1, 0, __ATOMIC_RELEASE);
}
