package dev.rap.checkpoint;

import dev.rap.InputException;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A GGUF model of version 2 or 3, little-endian: one file, or several parts.
 *
 * <p>Metadata is decoded when it is asked for. Every getter throws {@link InputException} if the
 * key is there with another type, or its strings are not UTF-8.
 */
public final class GgufCheckpoint implements Checkpoint {
  private final Path file;
  private final Arena arena;
  private final MemorySegment header;
  private final Map<String, GgufValue> metadata;
  private final TensorTable tensors;

  private GgufCheckpoint(Arena arena, GgufHeader parsed) {
    this.file = parsed.file();
    this.arena = arena;
    this.header = parsed.bytes();
    this.metadata = parsed.metadata();
    this.tensors = new TensorTable(arena, parsed.tensors());
  }

  /**
   * {@return the model in {@code file}, or of which it is a part}
   *
   * @throws InputException if it cannot be read, is damaged, lacks parts, or is GGUF of another
   *     kind
   */
  public static GgufCheckpoint open(Path file) {
    return MappedFile.keepingArena(arena -> new GgufCheckpoint(arena, GgufParts.read(file, arena)));
  }

  public Optional<String> string(String key) {
    return value(key).map(GgufValue::string);
  }

  /** {@return the value of any integer type, if it is below 2^63} */
  public OptionalLong integer(String key) {
    GgufValue value = metadata.get(key);
    return value == null ? OptionalLong.empty() : OptionalLong.of(value.integer());
  }

  /** {@return the value of any integer or floating-point type; it need not be finite} */
  public OptionalDouble number(String key) {
    GgufValue value = metadata.get(key);
    return value == null ? OptionalDouble.empty() : OptionalDouble.of(value.number());
  }

  public Optional<Boolean> flag(String key) {
    return value(key).map(GgufValue::flag);
  }

  /** {@return the elements, each decoded when it is come to} */
  public Optional<Stream<String>> strings(String key) {
    return value(key).map(GgufValue::strings);
  }

  /** {@return the elements of any integer type, if they fit 32 bits} */
  public Optional<int[]> integers(String key) {
    return value(key).map(GgufValue::integers);
  }

  /** {@return the elements of any integer or floating-point type, rounded to F32} */
  public Optional<float[]> numbers(String key) {
    return value(key).map(GgufValue::numbers);
  }

  /** {@return how many elements the array has, without decoding them} */
  public OptionalInt length(String key) {
    GgufValue value = metadata.get(key);
    return value == null ? OptionalInt.empty() : OptionalInt.of(value.length());
  }

  /** {@return the keys in the order of the file} */
  public Set<String> keys() {
    return Collections.unmodifiableSet(metadata.keySet());
  }

  private Optional<GgufValue> value(String key) {
    return Optional.ofNullable(metadata.get(key));
  }

  @Override
  public Path path() {
    return file;
  }

  @Override
  public Set<String> names() {
    return tensors.names();
  }

  @Override
  public Optional<Tensor> find(String name) {
    return tensors.find(name);
  }

  @Override
  public Optional<Tensor> findF32(String name) {
    return tensors.findF32(name);
  }

  @Override
  public String fingerprint() {
    return tensors.fingerprint(List.of(header));
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
