/**
 * The CUDA runtime: driver, memory, libraries and kernels of one NVIDIA GPU, and the model on it.
 *
 * <p><b>Layout.</b> {@code kernels/rap_cuda.h} says how weights, activations and KV lie in device
 * memory. Neither addresses nor the types of JCuda leave this package.
 *
 * <p><b>Threads.</b> A device belongs to the thread that opened it, and so does all that is made
 * with it; use from another is an {@link java.lang.IllegalStateException}.
 *
 * <p><b>Errors.</b> What the driver refuses is a {@link dev.rap.cuda.CudaException}. Where there is
 * no GPU, or it cannot be used, that is an outcome with its reason, not an exception.
 *
 * <p><b>Depends on</b> the model and the engine, whose backend it is. Does not know who chose a
 * mask.
 */
package dev.rap.cuda;
