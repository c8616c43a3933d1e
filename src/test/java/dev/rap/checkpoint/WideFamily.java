package dev.rap.checkpoint;

import dev.rap.checkpoint.GgufFiles.Writer;
import dev.rap.kernels.CpuKernels;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * A golden model made eight times as wide, so that rows of all its matrices are whole blocks of
 * 256: more heads of the same size, more channels, of {@link RandomBlocks}. Everything else is as
 * it was.
 */
public final class WideFamily {
  private static final int TIMES = 8;
  private static final Pattern WIDTHS =
      Pattern.compile(".*\\.(embedding_length|feed_forward_length|head_count|head_count_kv)");
  private static final Pattern OF_ONE_HEAD =
      Pattern.compile(".*\\.attn_[qk]_norm\\.weight|rope_factors_.*\\.weight");
  private static final Set<String> OF_VOCABULARY = Set.of("token_embd.weight", "output.weight");

  private WideFamily() {}

  /**
   * {@return {@code file}, which now holds {@code golden} widened, with matrices in {@code type}}
   */
  public static Path write(Path golden, DType type, Path file) {
    return copy(golden, file, TIMES, (tensor, writer) -> addRandom(tensor, type, writer));
  }

  /** {@return {@code file}, which now holds {@code stored} in F32, as the oracle reads it} */
  public static Path writeF32(Path stored, Path file) {
    return copy(stored, file, 1, WideFamily::addF32);
  }

  private static Path copy(
      Path from, Path to, int times, BiConsumer<StoredTensor, Writer> addTensor) {
    Writer writer = new Writer();
    try (Arena arena = Arena.ofConfined()) {
      GgufHeader header = GgufHeader.read(from, MappedFile.map(from, arena));
      header.metadata().values().forEach(value -> copy(value, times, writer));
      header.tensors().values().forEach(tensor -> addTensor.accept(tensor, writer));
    }
    return writer.write(to);
  }

  private static void copy(GgufValue value, int times, Writer writer) {
    String key = value.key();
    switch (value.type()) {
      case STRING -> writer.string(key, value.string());
      case FLOAT32 -> writer.float32(key, (float) value.number());
      case UINT32 -> {
        int integer = (int) value.integer();
        writer.uint32(key, WIDTHS.matcher(key).matches() ? times * integer : integer);
      }
      default -> throw new AssertionError(key + " is of type " + value.type());
    }
  }

  private static void addRandom(StoredTensor tensor, DType type, Writer writer) {
    String name = tensor.name();
    long[] shape = wide(tensor);
    if (shape.length == 2) {
      byte[] blocks = RandomBlocks.matrix(name, type, shape[0] * shape[1]);
      writer.tensor(name, type.ggmlId(), shape, blocks);
    } else {
      boolean bias = name.endsWith(".bias");
      byte[] floats = bias ? RandomBlocks.bias(name, shape[0]) : RandomBlocks.norm(name, shape[0]);
      writer.tensor(name, DType.F32.ggmlId(), shape, floats);
    }
  }

  private static long[] wide(StoredTensor tensor) {
    long[] shape = shape(tensor);
    if (OF_ONE_HEAD.matcher(tensor.name()).matches()) {
      return shape;
    }
    for (int i = OF_VOCABULARY.contains(tensor.name()) ? 1 : 0; i < shape.length; i++) {
      shape[i] *= TIMES;
    }
    return shape;
  }

  private static void addF32(StoredTensor stored, Writer writer) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = stored.read(arena);
      int[] all = IntStream.range(0, tensor.rows()).toArray();
      MemorySegment rows = arena.allocateFrom(ValueLayout.JAVA_INT, all);
      long elements = (long) tensor.rows() * tensor.columns();
      MemorySegment floats = arena.allocate(DType.F32.byteSize(elements), 64);
      CpuKernels.reference().embed(floats, tensor, rows, all.length);
      byte[] bytes = floats.toArray(ValueLayout.JAVA_BYTE);
      writer.tensor(stored.name(), DType.F32.ggmlId(), shape(stored), bytes);
    }
  }

  private static long[] shape(StoredTensor tensor) {
    return tensor.shape().stream().mapToLong(Long::longValue).toArray();
  }
}
