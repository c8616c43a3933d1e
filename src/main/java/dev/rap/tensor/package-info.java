/**
 * Storage types and the matrices made of them.
 *
 * <p><b>Start reading at</b> {@link dev.rap.tensor.Tensor}.
 *
 * <p><b>Threads.</b> Everything here is immutable.
 *
 * <p><b>Depends on</b> nothing.
 */
package dev.rap.tensor;
