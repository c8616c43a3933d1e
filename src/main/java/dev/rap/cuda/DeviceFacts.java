package dev.rap.cuda;

/**
 * What a GPU is.
 *
 * @param name such as {@code NVIDIA H100 80GB HBM3}
 * @param major compute capability
 * @param minor compute capability
 * @param driverVersion the CUDA version that the driver supports, such as 13000
 * @param multiprocessors streaming multiprocessors
 * @param totalBytes of device memory
 * @param uuid {@code GPU-...}, as {@code nvidia-smi -L} prints it
 */
public record DeviceFacts(
    String name,
    int major,
    int minor,
    int driverVersion,
    int multiprocessors,
    long totalBytes,
    String uuid) {}
