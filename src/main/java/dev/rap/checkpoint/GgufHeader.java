package dev.rap.checkpoint;

import dev.rap.InputException;
import dev.rap.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What stands before the data of a GGUF file, version 2 or 3.
 *
 * @param file that it is in
 * @param metadata by key
 * @param tensors by name
 * @param bytes everything before the data, padding included
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">The GGUF format</a>
 */
record GgufHeader(
    Path file,
    Map<String, GgufValue> metadata,
    Map<String, StoredTensor> tensors,
    MemorySegment bytes) {
  private static final int MAGIC = 0x46554747; // "GGUF", little-endian
  private static final int MOST_KEYS = 1 << 16;
  private static final int MOST_TENSORS = 1 << 17;
  private static final int MOST_DIMENSIONS = 4; // ggml's
  private static final long DEFAULT_ALIGNMENT = 32;
  private static final String ALIGNMENT_KEY = "general.alignment";

  /** A tensor as declared, before it is known where the data starts. */
  private record Declaration(String name, int type, List<Long> shape, long offset) {}

  /** {@return the header of {@code bytes}, all of {@code file}, with every bound checked} */
  static GgufHeader read(Path file, MemorySegment bytes) {
    GgufCursor cursor = new GgufCursor(file, bytes, 0);
    requireMagic(cursor);
    requireVersion(cursor);
    // A tensor takes at least two counts, a type and an offset; a key its length, type and value.
    int tensorCount = (int) cursor.count("the count", "tensors", 24, MOST_TENSORS);
    int keyCount = (int) cursor.count("the count", "metadata keys", 13, MOST_KEYS);
    Map<String, GgufValue> metadata = readMetadata(cursor, keyCount);
    List<Declaration> declarations = readDeclarations(cursor, tensorCount);
    long alignment = alignment(file, metadata);
    long dataStart = Math.ceilDiv(cursor.position(), alignment) * alignment;
    Map<String, StoredTensor> tensors = new HashMap<>();
    for (Declaration declaration : declarations) {
      requireAligned(cursor, declaration, alignment);
      tensors.put(declaration.name, store(cursor, declaration, dataStart));
    }
    requireNoOverlap(file, tensors);
    MemorySegment header = bytes.asSlice(0, Math.min(dataStart, bytes.byteSize()));
    return new GgufHeader(file, metadata, tensors, header);
  }

  private static void requireMagic(GgufCursor cursor) {
    MemorySegment bytes = cursor.bytes();
    if (bytes.byteSize() >= 4 && cursor.i32("the magic number", "the format") == MAGIC) {
      return;
    }
    byte[] start = bytes.asSlice(0, Math.min(16, bytes.byteSize())).toArray(ValueLayout.JAVA_BYTE);
    boolean safetensors = new String(start, StandardCharsets.ISO_8859_1).indexOf("{\"") == 8;
    String hint =
        safetensors
            ? "it looks like a safetensors file, name the folder that it is in"
            : "name a .gguf file or a Hugging Face folder";
    throw new InputException(
        "%s: is no GGUF file, it does not start with the letters GGUF: %s"
            .formatted(cursor.file(), hint));
  }

  private static void requireVersion(GgufCursor cursor) {
    int version = cursor.i32("the version", "the format");
    if (version == 2 || version == 3) {
      return;
    }
    int reversed = Integer.reverseBytes(version);
    String found =
        reversed > 0 && reversed < 16
            ? "big-endian GGUF version " + reversed
            : "GGUF version " + Integer.toUnsignedString(version);
    throw new InputException(
        "%s: is %s, which is not supported; supported are versions 2 and 3, little-endian: convert the model again"
            .formatted(cursor.file(), found));
  }

  private static Map<String, GgufValue> readMetadata(GgufCursor cursor, int count) {
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      String key = cursor.name("a metadata key");
      if (metadata.put(key, GgufValue.read(cursor, key)) != null) {
        throw cursor.damaged("metadata key %s comes twice".formatted(key));
      }
    }
    return metadata;
  }

  private static long alignment(Path file, Map<String, GgufValue> metadata) {
    long alignment =
        Optional.ofNullable(metadata.get(ALIGNMENT_KEY))
            .map(GgufValue::integer)
            .orElse(DEFAULT_ALIGNMENT);
    if (Long.bitCount(alignment) != 1 || alignment < 1 || alignment > 1 << 20) {
      throw new InputException(
          "%s: %s is %d, expected a power of 2 up to 2^20: the file is damaged, fetch it again"
              .formatted(file, ALIGNMENT_KEY, alignment));
    }
    return alignment;
  }

  private static List<Declaration> readDeclarations(GgufCursor cursor, int count) {
    Map<String, Declaration> declarations = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      String name = cursor.name("a tensor");
      int dimensions = cursor.i32("the count of dimensions", name);
      if (dimensions < 0 || dimensions > MOST_DIMENSIONS) {
        throw cursor.damaged(
            "tensor %s has %s dimensions, expected at most %d"
                .formatted(name, Integer.toUnsignedString(dimensions), MOST_DIMENSIONS));
      }
      List<Long> shape = new ArrayList<>();
      for (int d = 0; d < dimensions; d++) {
        shape.addFirst(dimension(cursor, name)); // the file starts with the innermost
      }
      int type = cursor.i32("the type", name);
      long offset = cursor.i64("the offset", name);
      if (declarations.put(name, new Declaration(name, type, shape, offset)) != null) {
        throw cursor.damaged("tensor %s comes twice".formatted(name));
      }
    }
    return List.copyOf(declarations.values());
  }

  private static long dimension(GgufCursor cursor, String name) {
    long dimension = cursor.i64("a dimension", name);
    if (dimension < 1) {
      throw cursor.damaged(
          "a dimension of tensor %s is %s, expected 1 to 2^63 - 1"
              .formatted(name, Long.toUnsignedString(dimension)));
    }
    return dimension;
  }

  private static void requireAligned(GgufCursor cursor, Declaration declaration, long alignment) {
    if (declaration.offset < 0 || declaration.offset % alignment != 0) {
      throw cursor.damaged(
          "tensor %s has offset %s, expected a multiple of %d"
              .formatted(declaration.name, Long.toUnsignedString(declaration.offset), alignment));
    }
  }

  private static StoredTensor store(GgufCursor cursor, Declaration declaration, long dataStart) {
    Optional<DType> dtype = GgmlTypes.find(declaration.type);
    long available = cursor.bytes().byteSize() - dataStart - declaration.offset;
    long byteSize = dtype.isPresent() ? byteSize(cursor, declaration, dtype.get()) : 0;
    if (available < byteSize || dataStart + declaration.offset < 0) {
      throw cursor.damaged(
          "tensor %s needs %d bytes at offset %d of the data, but only %d follow"
              .formatted(declaration.name, byteSize, declaration.offset, Math.max(0, available)));
    }
    MemorySegment data =
        byteSize == 0
            ? MemorySegment.NULL
            : cursor.bytes().asSlice(dataStart + declaration.offset, byteSize);
    return new StoredTensor(
        cursor.file(),
        declaration.name,
        GgmlTypes.name(declaration.type),
        dtype,
        GgmlTypes.READABLE,
        declaration.shape,
        data);
  }

  private static long byteSize(GgufCursor cursor, Declaration declaration, DType type) {
    try {
      long columns = declaration.shape.isEmpty() ? 1 : declaration.shape.getLast();
      if (columns % type.blockElements() != 0) {
        throw cursor.damaged(
            "tensor %s has rows of %d elements, expected a multiple of %d for %s"
                .formatted(declaration.name, columns, type.blockElements(), type));
      }
      return type.byteSize(StoredTensor.elements(declaration.shape));
    } catch (ArithmeticException e) {
      throw cursor.damaged(
          "tensor %s has shape %s, whose size overflows"
              .formatted(declaration.name, declaration.shape));
    }
  }

  private static void requireNoOverlap(Path file, Map<String, StoredTensor> tensors) {
    List<StoredTensor> inOrder = new ArrayList<>(tensors.values());
    inOrder.removeIf(tensor -> tensor.data().byteSize() == 0);
    inOrder.sort(Comparator.comparingLong(tensor -> tensor.data().address()));
    for (int i = 1; i < inOrder.size(); i++) {
      StoredTensor first = inOrder.get(i - 1);
      StoredTensor second = inOrder.get(i);
      if (first.data().address() + first.data().byteSize() > second.data().address()) {
        throw new InputException(
            "%s: the data of tensors %s and %s overlap: the file is damaged, fetch it again"
                .formatted(file, first.name(), second.name()));
      }
    }
  }
}
