package dev.rap.checkpoint;

import dev.rap.InputException;
import dev.rap.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * The tensors and the metadata of one model. Opening reads the directory of the tensors, not the
 * tensors.
 *
 * <p>Owns the memory of every tensor that it hands out, for the life of the model: once closed,
 * they may not be touched.
 */
public sealed interface Checkpoint extends AutoCloseable
    permits GgufCheckpoint, HuggingFaceCheckpoint {

  /**
   * {@return the model at {@code path}: a GGUF file, or a part of one, or a Hugging Face folder}
   *
   * @throws InputException if it is neither, damaged, or of a kind that is not supported
   */
  static Checkpoint open(Path path) {
    return Files.isDirectory(path) ? HuggingFaceCheckpoint.open(path) : GgufCheckpoint.open(path);
  }

  /** {@return the file, of several the first, or the folder} */
  Path path();

  /** {@return the names of all tensors, those of types that cannot be read included} */
  Set<String> names();

  /**
   * {@return the tensor of this name, as it is stored; empty if there is none}
   *
   * @throws InputException if its type or shape is not supported
   */
  Optional<Tensor> find(String name);

  /**
   * {@return the tensor of this name, as it is stored}
   *
   * @throws InputException if there is none, or its type or shape is not supported
   */
  default Tensor tensor(String name) {
    return find(name)
        .orElseThrow(
            () ->
                new InputException(
                    "%s: has no tensor %s: the file is incomplete or of another architecture"
                        .formatted(path(), name)));
  }

  /**
   * {@return the tensor of this name as F32; empty if there is none}
   *
   * @throws InputException if it is stored as anything but F32, F16 or BF16
   */
  Optional<Tensor> findF32(String name);

  /**
   * {@return hexadecimal SHA-256 of the metadata, of each tensor's name, type and shape, and of up
   * to 4 KiB of its data, so that it takes no longer for larger models}
   */
  String fingerprint();

  /** Gives the memory back. Closing twice is harmless. */
  @Override
  void close();
}
