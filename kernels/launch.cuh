// launch.cuh: how a kernel is queued so that it may start before the one before it has ended.
//
// From compute capability 9.0 on a kernel may be launched early (programmatic dependent launch):
// its blocks start when all blocks of the kernel before it have called let_next_start or ended.
// Until wait_for_previous returns it must write no memory but its own shared memory, and read only
// what the kernels before it do not write. Every thread of every block calls wait_for_previous
// once, so that a kernel that has ended stands for all before it.
#ifndef RAP_LAUNCH_CUH
#define RAP_LAUNCH_CUH

#include <cuda_runtime.h>
#include <stdint.h>

#include <atomic>

namespace rap {

// Returns when the kernels before this one have ended and what they wrote can be read.
__device__ inline void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ inline void let_next_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

constexpr int kMaxDevices = 64;

// Multiprocessors of the current device, or the negative of an error.
inline int multiprocessors() {
  static std::atomic<int> known[kMaxDevices];
  int device = 0;
  if (cudaError_t status = cudaGetDevice(&device)) return -status;
  if (device >= kMaxDevices) return -cudaErrorInvalidDevice;
  int count = known[device].load(std::memory_order_relaxed);
  if (count == 0) {
    if (cudaError_t status =
            cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device)) {
      return -status;
    }
    known[device].store(count, std::memory_order_relaxed);
  }
  return count;
}

// How a kernel is launched on a device.
enum class LaunchMode : int8_t { kUnknown, kPlain, kEarly };

// Makes the kernel ready on the current device. Code that was made for less than 9.0 has no
// wait_for_previous and must not start early, whatever the device.
template <typename Kernel>
cudaError_t ready(Kernel kernel, int shared_bytes, LaunchMode *mode) {
  cudaFuncAttributes attributes;
  if (cudaError_t status = cudaFuncGetAttributes(&attributes, kernel)) return status;
  if (cudaError_t status = cudaFuncSetAttribute(
          kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes)) {
    return status;
  }
  // The same for all kernels: a multiprocessor has to be idle to change it.
  if (cudaError_t status =
          cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                               cudaSharedmemCarveoutMaxShared)) {
    return status;
  }
  *mode = attributes.ptxVersion >= 90 ? LaunchMode::kEarly : LaunchMode::kPlain;
  return cudaSuccess;
}

// Queues a kernel, early where that is possible. A kernel always has the same shared_bytes.
template <auto kKernel, typename... Arguments>
int enqueue(void *stream, dim3 grid, int threads, int shared_bytes, Arguments... arguments) {
  static std::atomic<LaunchMode> modes[kMaxDevices];
  int device = 0;
  if (cudaError_t status = cudaGetDevice(&device)) return status;
  if (device >= kMaxDevices) return cudaErrorInvalidDevice;
  LaunchMode mode = modes[device].load(std::memory_order_relaxed);
  if (mode == LaunchMode::kUnknown) {
    if (cudaError_t status = ready(kKernel, shared_bytes, &mode)) return status;
    modes[device].store(mode, std::memory_order_relaxed);
  }

  cudaLaunchAttribute early;
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = static_cast<cudaStream_t>(stream);
  config.attrs = &early;
  config.numAttrs = mode == LaunchMode::kEarly ? 1 : 0;
  return cudaLaunchKernelEx(&config, kKernel, arguments...);
}

}  // namespace rap

#endif
