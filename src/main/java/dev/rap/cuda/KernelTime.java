package dev.rap.cuda;

/**
 * What one kernel of a step takes.
 *
 * @param sequences of the step
 * @param tokens of each of them in the step
 * @param context positions that the last of them attends to
 * @param part of the model: embedding, attention, feed-forward, output
 * @param kernel its function; cuBLAS's products of a part are numbered
 * @param micros median of a layer, in a CUDA graph of all layers
 * @param bytes that it must move at least
 * @param bytesPerSecond of them
 * @param shareOfRead what a plain read of device memory reaches, measured beside it, is 1; more
 *     where L2 holds what it moves
 * @param flopsPerSecond of prefill attention; 0 of others
 */
public record KernelTime(
    int sequences,
    int tokens,
    int context,
    String part,
    String kernel,
    double micros,
    long bytes,
    double bytesPerSecond,
    double shareOfRead,
    double flopsPerSecond) {}
