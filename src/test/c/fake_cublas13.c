// fake_cublas13.c: stands for libcublas.so.13. Has few functions, which check what they are given.

#include <stddef.h>

static int the_context;

int cublasCreate_v2(void** handle) {
  *handle = &the_context;
  return 0;
}

int cublasGetVersion_v2(void* handle, int* version) {
  *version = 130042;
  return handle == &the_context ? 0 : 7;
}

const char* cublasGetStatusString(int status) { return status == 13 ? "thirteen" : "other"; }

// Eight of these are on the stack. The values are those of call_cublas.c.
int cublasSgemm_v2(void* handle, int transa, int transb, int m, int n, int k, const float* alpha,
                   const float* a, int lda, const float* b, int ldb, const float* beta, float* c,
                   int ldc) {
  int right = (size_t)handle == 0xf000000000000001 && transa == -2 && transb == 3 && m == -4 &&
              n == 5 && k == 0x7fffffff && *alpha == 7.5f && (size_t)a == 0xf000000000000008 &&
              lda == -9 && (size_t)b == 0xf00000000000000a && ldb == 11 && *beta == -12.5f &&
              c == NULL && ldc == -14;
  return right ? 42 : 43;
}
