package dev.rap.checkpoint;

import dev.rap.InputException;
import dev.rap.Sha256;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** The tensors of one checkpoint by name. Copies that it makes live as long as its arena. */
final class TensorTable {
  private static final int SAMPLE_BYTES = 2048; // of the start, and of the end, of each tensor
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** More than any key or tensor's name has; GGUF itself allows tensors 64. */
  static final int MOST_NAME_CHARACTERS = 256;

  private final Arena arena;
  private final TreeMap<String, StoredTensor> stored;
  private final Map<String, Tensor> read = new HashMap<>(); // guarded by this
  private final Map<String, Tensor> widened = new HashMap<>(); // guarded by this

  TensorTable(Arena arena, Map<String, StoredTensor> stored) {
    this.arena = arena;
    this.stored = new TreeMap<>(stored);
  }

  /** {@return whether a key or name can stand in a message as it is} */
  static boolean isName(String name) {
    for (int i = 0; i < name.length(); i++) {
      if (Character.isISOControl(name.charAt(i))) {
        return false;
      }
    }
    return !name.isEmpty() && name.length() <= MOST_NAME_CHARACTERS;
  }

  Set<String> names() {
    return Collections.unmodifiableSet(stored.keySet());
  }

  synchronized Optional<Tensor> find(String name) {
    return Optional.ofNullable(stored.get(name))
        .map(entry -> read.computeIfAbsent(name, _ -> entry.read(arena)));
  }

  synchronized Optional<Tensor> findF32(String name) {
    return find(name).map(tensor -> widened.computeIfAbsent(name, _ -> widen(name, tensor)));
  }

  private Tensor widen(String name, Tensor tensor) {
    return switch (tensor.dtype()) {
      case F32 -> tensor;
      case F16, BF16 -> widenHalves(tensor);
      default ->
          throw new InputException(
              "%s: tensor %s is stored as %s, expected F32, F16 or BF16: convert the model again"
                  .formatted(stored.get(name).file(), name, tensor.dtype()));
    };
  }

  private Tensor widenHalves(Tensor tensor) {
    long elements = (long) tensor.rows() * tensor.columns();
    MemorySegment floats = arena.allocate(DType.F32.byteSize(elements), 64);
    for (long i = 0; i < elements; i++) {
      short half = tensor.data().get(SHORT, 2 * i);
      float value =
          tensor.dtype() == DType.F16
              ? Float.float16ToFloat(half)
              : Float.intBitsToFloat(half << Short.SIZE);
      floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }
    return new Tensor(DType.F32, tensor.rows(), tensor.columns(), floats.asReadOnly());
  }

  /** {@return the hexadecimal SHA-256 of the tensors' names, types, shapes and samples} */
  String fingerprint(List<MemorySegment> metadata) {
    MessageDigest digest = Sha256.begin();
    metadata.forEach(segment -> digest.update(segment.asByteBuffer()));
    for (StoredTensor entry : stored.values()) {
      String heading = entry.name() + '\n' + entry.type() + ' ' + entry.shape() + '\n';
      digest.update(heading.getBytes(StandardCharsets.UTF_8));
      MemorySegment data = entry.data();
      long head = Math.min(data.byteSize(), SAMPLE_BYTES);
      long tail = Math.min(data.byteSize() - head, SAMPLE_BYTES);
      digest.update(data.asSlice(0, head).asByteBuffer());
      digest.update(data.asSlice(data.byteSize() - tail).asByteBuffer());
    }
    return Sha256.end(digest);
  }
}
