// element.cuh: elements (F16, BF16) as floats, and back.
#ifndef RAP_ELEMENT_CUH
#define RAP_ELEMENT_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "rap_cuda.h"

namespace rap {

template <typename E>
struct Element;

template <>
struct Element<__half> {
  static constexpr float kMax = 65504.0f;
  static __device__ __half of(float x) { return __float2half_rn(x); }
};

template <>
struct Element<__nv_bfloat16> {
  static constexpr float kMax = 0x1.fep127f;
  static __device__ __nv_bfloat16 of(float x) { return __float2bfloat16_rn(x); }
};

// The nearest element, ties to even; what is beyond the finite ones becomes the last of them.
// Comparisons, not fminf: NaN stays NaN.
template <typename E>
__device__ E finite_element(float x) {
  constexpr float kMax = Element<E>::kMax;
  return Element<E>::of(x > kMax ? kMax : x < -kMax ? -kMax : x);
}

// Calls use with a value of the element type that `type` names.
template <typename Use>
int for_element(int type, Use use) {
  switch (type) {
    case RAP_CUDA_F16:
      return use(__half{});
    case RAP_CUDA_BF16:
      return use(__nv_bfloat16{});
    default:
      return RAP_CUDA_BAD_ARGUMENT;
  }
}

}  // namespace rap

#endif
