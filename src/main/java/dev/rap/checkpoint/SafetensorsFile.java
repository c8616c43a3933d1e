package dev.rap.checkpoint;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.rap.InputException;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads the header of a safetensors file: its byte size, JSON that says where each tensor lies, and
 * the data, without holes.
 *
 * @see <a href="https://huggingface.co/docs/safetensors">The safetensors format</a>
 */
final class SafetensorsFile {
  private static final long MOST_HEADER_BYTES = 100_000_000; // the format's own bound
  private static final int MOST_DIMENSIONS = 8;
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final List<DType> READABLE = List.of(DType.F32, DType.F16, DType.BF16);

  private final Path file;
  private final MemorySegment data;
  private final Map<String, StoredTensor> tensors = new HashMap<>();
  private final List<Extent> extents = new ArrayList<>();

  /** Where the data of a tensor lie; the end is not part of them. */
  private record Extent(String name, long begin, long end) {}

  private SafetensorsFile(Path file, MemorySegment data) {
    this.file = file;
    this.data = data;
  }

  /** {@return the tensors of {@code file} by name, with every bound checked} */
  static Map<String, StoredTensor> read(Path file, Arena arena) {
    MemorySegment bytes = MappedFile.map(file, arena);
    long headerBytes = bytes.byteSize() < 8 ? -1 : bytes.get(LONG, 0);
    if (headerBytes < 2 || headerBytes > Math.min(MOST_HEADER_BYTES, bytes.byteSize() - 8)) {
      throw new InputException(
          "%s: its %d bytes start with a header size of %s, expected 2 to %d and no more than the file: it is damaged, cut short or no safetensors file, fetch it again"
              .formatted(
                  file, bytes.byteSize(), Long.toUnsignedString(headerBytes), MOST_HEADER_BYTES));
    }
    byte[] header = bytes.asSlice(8, headerBytes).toArray(ValueLayout.JAVA_BYTE);
    SafetensorsFile parsed = new SafetensorsFile(file, bytes.asSlice(8 + headerBytes));
    try (JsonParser parser = JsonFile.FACTORY.createParser(header)) {
      parsed.readHeader(parser);
    } catch (JacksonException e) {
      throw JsonFile.malformed(file, e);
    } catch (IOException e) {
      throw MappedFile.unreadable(file, e);
    }
    parsed.requireNoHoles();
    return parsed.tensors;
  }

  private void readHeader(JsonParser parser) throws IOException {
    require(parser.nextToken() == JsonToken.START_OBJECT, "its header", "is no JSON object");
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      require(TensorTable.isName(name), "a name", "is empty, too long or holds control characters");
      require(parser.nextToken() == JsonToken.START_OBJECT, name, "is no JSON object");
      if (name.equals("__metadata__")) {
        parser.skipChildren();
      } else {
        readTensor(parser, name);
      }
    }
    require(parser.nextToken() == null, "its header", "is followed by more text");
  }

  private void readTensor(JsonParser parser, String name) throws IOException {
    String type = "";
    List<Long> shape = null;
    List<Long> offsets = List.of();
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      parser.nextToken();
      switch (field) {
        case "dtype" -> type = parser.getText();
        case "shape" -> shape = readIntegers(parser, name);
        case "data_offsets" -> offsets = readIntegers(parser, name);
        default -> parser.skipChildren();
      }
    }
    require(!type.isEmpty() && shape != null, name, "lacks a dtype or a shape");
    require(offsets.size() == 2, name, "lacks two data_offsets");
    store(name, type, shape, new Extent(name, offsets.getFirst(), offsets.getLast()));
  }

  private List<Long> readIntegers(JsonParser parser, String name) throws IOException {
    List<Long> integers = new ArrayList<>();
    require(parser.isExpectedStartArrayToken(), name, "lacks an array of numbers");
    while (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
      require(parser.getLongValue() >= 0, name, "has a negative number");
      integers.add(parser.getLongValue());
      require(integers.size() <= MOST_DIMENSIONS, name, "has too many dimensions");
    }
    require(parser.currentToken() == JsonToken.END_ARRAY, name, "has what is no integer");
    return integers;
  }

  private void store(String name, String type, List<Long> shape, Extent extent) {
    if (extent.begin > extent.end || extent.end > data.byteSize()) {
      throw damaged(
          "tensor %s lies at bytes %d to %d of the data, which end at %d"
              .formatted(name, extent.begin, extent.end, data.byteSize()));
    }
    Optional<DType> dtype = READABLE.stream().filter(t -> t.name().equals(type)).findFirst();
    dtype.ifPresent(known -> requireByteSize(known, shape, extent));
    extents.add(extent);
    MemorySegment bytes = data.asSlice(extent.begin, extent.end - extent.begin);
    tensors.put(name, new StoredTensor(file, name, type, dtype, READABLE, shape, bytes));
  }

  private void requireByteSize(DType dtype, List<Long> shape, Extent extent) {
    long expected;
    try {
      expected = dtype.byteSize(StoredTensor.elements(shape));
    } catch (ArithmeticException e) {
      throw damaged("tensor %s has shape %s, whose size overflows".formatted(extent.name, shape));
    }
    if (extent.end - extent.begin != expected) {
      throw damaged(
          "tensor %s has %d bytes, expected %d for %s %s"
              .formatted(extent.name, extent.end - extent.begin, expected, dtype, shape));
    }
  }

  /** The format allows neither overlaps nor holes, so each byte belongs to one tensor. */
  private void requireNoHoles() {
    extents.sort(Comparator.comparingLong(Extent::begin).thenComparingLong(Extent::end));
    long end = 0;
    for (Extent extent : extents) {
      if (extent.begin != end) {
        throw damaged(
            "tensor %s starts at byte %d of the data, expected %d, where the one before it ends"
                .formatted(extent.name, extent.begin, end));
      }
      end = extent.end;
    }
    if (end != data.byteSize()) {
      throw damaged(
          "the data have %d bytes, expected %d, where the last tensor ends"
              .formatted(data.byteSize(), end));
    }
  }

  private void require(boolean asExpected, String subject, String otherwise) {
    if (!asExpected) {
      throw damaged(subject + " " + otherwise);
    }
  }

  private InputException damaged(String what) {
    return new InputException(
        "%s: %s: the file is damaged or cut short, fetch it again".formatted(file, what));
  }
}
