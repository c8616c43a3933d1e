// librap_cublas13.so: cuBLAS 12 by name and symbols, cuBLAS 13 in what it does. A program made for
// libcublas.so.12 that is loaded after it finds this library in the place of that one, for its
// soname is libcublas.so.12. Has the functions of cublas13.symbols. Plain C.
#ifndef RAP_CUBLAS13_H
#define RAP_CUBLAS13_H

#ifdef __cplusplus
extern "C" {
#endif

#define RAP_CUBLAS13_ABI_VERSION 1

// RAP_CUBLAS13_ABI_VERSION of the library.
int rap_cublas13_abi_version(void);

// Loads libcublas.so.13 from `path`, or from where the system looks if that is a bare name, and
// leads all functions to it. Once, before the first call of any of them: until then they return
// CUBLAS_STATUS_NOT_INITIALIZED (1). Those that it lacks return CUBLAS_STATUS_NOT_SUPPORTED (15).
// Returns how many it lacks, or -1 where it cannot be loaded or is bound already.
int rap_cublas13_bind(const char* path);

// Why the last rap_cublas13_bind returned -1.
const char* rap_cublas13_error(void);

#ifdef __cplusplus
}
#endif

#endif
