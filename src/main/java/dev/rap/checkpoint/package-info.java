/**
 * Model files, mapped into memory: GGUF files and Hugging Face folders.
 *
 * <p><b>Start reading at</b> {@link dev.rap.checkpoint.Checkpoint}.
 *
 * <p><b>Threads.</b> A checkpoint may be read by any thread; it is closed once nobody reads.
 *
 * <p><b>Errors.</b> Files are not trusted. Counts, lengths and offsets are held against the size of
 * the file before anything is allocated or read; what does not fit is an {@link
 * dev.rap.InputException}.
 *
 * <p><b>Depends on</b> {@code dev.rap.tensor} and Jackson. Does not know what the tensors mean.
 */
package dev.rap.checkpoint;
