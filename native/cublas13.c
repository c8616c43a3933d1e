// cublas13.c: one jump for each function of cuBLAS 12 that is asked for, to that of cuBLAS 13.

#include "rap_cublas13.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>

// The versions of glibc 2.31; newer ones have moved these to another library.
__asm__(".symver dlopen, dlopen@GLIBC_2.2.5");
__asm__(".symver dlsym, dlsym@GLIBC_2.2.5");
__asm__(".symver dlerror, dlerror@GLIBC_2.2.5");

enum { NOT_INITIALIZED = 1, NOT_SUPPORTED = 15 };

static int not_initialized(void) { return NOT_INITIALIZED; }
static int not_supported(void) { return NOT_SUPPORTED; }
static const char* no_text(void) { return "unknown"; }

// For each function a target, and code that jumps there. Arguments stay where the caller put them.
#define STUB(name, initial)                                                       \
  __attribute__((visibility("hidden"))) void* target_of_##name = (void*)(initial); \
  __asm__(".text\n"                                                               \
          ".globl " #name "\n"                                                    \
          ".type " #name ", @function\n"                                          \
          ".p2align 4\n" #name ":\n"                                              \
          "  jmp *target_of_" #name "(%rip)\n"                                    \
          ".size " #name ", . - " #name "\n");
#define FUNCTION(name) STUB(name, not_initialized)
#define TEXT(name) STUB(name, no_text)
#include "cublas13.symbols"
#undef FUNCTION
#undef TEXT

struct function {
  const char* name;
  void** target;
  void* substitute; // where cuBLAS 13 has none
};

static const struct function functions[] = {
#define FUNCTION(name) {#name, &target_of_##name, (void*)not_supported},
#define TEXT(name) {#name, &target_of_##name, (void*)no_text},
#include "cublas13.symbols"
#undef FUNCTION
#undef TEXT
};

static char error[1024];
static void* library;

int rap_cublas13_abi_version(void) { return RAP_CUBLAS13_ABI_VERSION; }

const char* rap_cublas13_error(void) { return error; }

int rap_cublas13_bind(const char* path) {
  if (library != NULL) {
    snprintf(error, sizeof error, "%s: cuBLAS is bound already", path);
    return -1;
  }
  library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    snprintf(error, sizeof error, "%s", dlerror());
    return -1;
  }
  int missing = 0;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    void* target = dlsym(library, functions[i].name);
    missing += target == NULL;
    *functions[i].target = target == NULL ? functions[i].substitute : target;
  }
  return missing;
}
