// call_cublas.c: a program that was made for cuBLAS 12. Arguments: a library that is not there, and
// one in the place of cuBLAS 13. Prints what it gets, a line each.

#include <stdio.h>

#include "rap_cublas13.h"

int cublasCreate_v2(void** handle);
int cublasDestroy_v2(void* handle);
const char* cublasGetStatusString(int status);
int cublasSgemm_v2(void* handle, int transa, int transb, int m, int n, int k, const float* alpha,
                   const float* a, int lda, const float* b, int ldb, const float* beta, float* c,
                   int ldc);

int main(int count, char** arguments) {
  if (count != 3 || rap_cublas13_abi_version() != RAP_CUBLAS13_ABI_VERSION) return 2;
  void* handle = NULL;
  printf("unbound: %d %s\n", cublasCreate_v2(&handle), cublasGetStatusString(1));
  printf("missing: %d %s\n", rap_cublas13_bind(arguments[1]), rap_cublas13_error());
  printf("lacking: %d\n", rap_cublas13_bind(arguments[2]));
  printf("again: %d %s\n", rap_cublas13_bind(arguments[2]), rap_cublas13_error());
  int created = cublasCreate_v2(&handle);
  printf("create: %d %d\n", created, handle != NULL);
  printf("not there: %d\n", cublasDestroy_v2(handle));
  printf("text: %s\n", cublasGetStatusString(13));
  float alpha = 7.5f, beta = -12.5f;
  printf("sgemm: %d\n", cublasSgemm_v2((void*)0xf000000000000001, -2, 3, -4, 5, 0x7fffffff, &alpha,
                                       (void*)0xf000000000000008, -9, (void*)0xf00000000000000a, 11,
                                       &beta, NULL, -14));
  return 0;
}
