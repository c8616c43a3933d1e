package dev.rap.kernels.reference;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Ranges;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Rows that llama.cpp quantised, bit for bit as the package gguf reads them ({@code
 * scripts/golden-quantised.py}).
 */
class QuantisedBlocksTest {
  private static final Path GOLDEN = Path.of("src/test/resources/dev/rap/golden/quantised.json");

  @ParameterizedTest
  @EnumSource
  void elementsAreThoseThatGgufReads(DType type) throws IOException {
    JsonNode golden = golden(type);
    float[] expected = new float[256];
    ByteBuffer.wrap(Base64.getDecoder().decode(golden.get("values").asText()))
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer()
        .get(expected);
    try (Arena arena = Arena.ofConfined()) {
      Tensor row = row(arena, type, golden);
      MemorySegment y = arena.allocate(1024);
      CpuKernels.reference().embed(y, row, arena.allocate(4), 1);
      float[] actual = y.toArray(ValueLayout.JAVA_FLOAT);
      for (int c = 0; c < 256; c++) {
        assertTrue(expected[c] == actual[c], "column " + c); // so -0 is 0
      }

      // A part that begins and ends within a block of 256, and leaves the others alone.
      float[] part = new float[256];
      Rows.read(row, 0, Ranges.of(32, 64, 96, 224), part);
      for (int c = 0; c < 256; c++) {
        boolean isIn = (c >= 32 && c < 64) || (c >= 96 && c < 224);
        assertTrue(part[c] == (isIn ? expected[c] : 0), "column " + c);
      }
    }
  }

  private static JsonNode golden(DType type) throws IOException {
    for (JsonNode blocks : new ObjectMapper().readTree(GOLDEN.toFile()).get("blocks")) {
      if (blocks.get("type").asText().equals(type.name())) {
        return blocks;
      }
    }
    throw new AssertionError("has no blocks of " + type + ": run the script");
  }

  private static Tensor row(Arena arena, DType type, JsonNode golden) {
    byte[] bytes = Base64.getDecoder().decode(golden.get("bytes").asText());
    MemorySegment data = arena.allocate(bytes.length, 64);
    data.copyFrom(MemorySegment.ofArray(bytes));
    return new Tensor(type, 1, 256, data);
  }
}
