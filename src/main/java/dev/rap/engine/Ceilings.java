package dev.rap.engine;

/**
 * What a machine's memory and arithmetic reach where they do nothing else.
 *
 * @param readBytesPerSecond of a plain read. What reads all weights for a token is not faster
 * @param copyBytesPerSecond of memcpy, what is read and what is written together; null on a GPU
 * @param flopsPerSecond of float32 multiply-adds in registers, two each; null on a GPU. Products in
 *     8 bits or BF16 can be faster
 */
public record Ceilings(
    double readBytesPerSecond, Double copyBytesPerSecond, Double flopsPerSecond) {}
