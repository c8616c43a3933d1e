// describe.c: the least that a program needs to do before it uses librap_cuda.so.
//   cc -I kernels src/test/c/describe.c librap_cuda.so && LD_LIBRARY_PATH=. ./a.out
// Prints what the library was built for, then whether it can be used here: exit code 0 if it can.

#include <stdio.h>

#include "rap_cuda.h"

int main(void) {
  if (rap_cuda_abi_version() != RAP_CUDA_ABI_VERSION) {
    printf("librap_cuda.so has interface version %d, not %d\n", rap_cuda_abi_version(),
           RAP_CUDA_ABI_VERSION);
    return 2;
  }
  printf("%s\n", rap_cuda_build_info());
  int status = rap_cuda_prepare();
  if (status != RAP_CUDA_OK) {
    printf("%s\n", rap_cuda_error_text(status));
    return 1;
  }
  printf("ready\n");
  return 0;
}
