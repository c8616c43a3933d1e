package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.checkpoint.TensorBytes;
import dev.rap.kernels.CpuKernels;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is widened against the reference kernels' reading of the whole matrix. */
class HostRowsTest {
  private static final int ROWS = 3;
  private static final int COLUMNS = 768;

  @ParameterizedTest
  @EnumSource(names = {"Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"})
  void rowsAndColumnsAreThoseOfTheMatrix(DType type) {
    try (Arena arena = Arena.ofConfined();
        HostRows parts = new HostRows()) {
      Tensor tensor = random(arena, type);
      MemorySegment all = arena.allocate(4L * ROWS * COLUMNS, 64);
      MemorySegment index = arena.allocateFrom(ValueLayout.JAVA_INT, 0, 1, 2);
      CpuKernels.reference().embed(all, tensor, index, ROWS);

      assertSame(all, 1, 0, parts.rows(tensor, 1, 2), 2, COLUMNS);
      // From within a block over a whole one into a third; within one; the end.
      for (int[] columns : new int[][] {{128, 448}, {32, 96}, {640, 128}, {0, 768}}) {
        MemorySegment part = parts.columns(tensor, columns[0], columns[1]);
        assertSame(all, 0, columns[0], part, ROWS, columns[1]);
      }
    }
  }

  private static Tensor random(Arena arena, DType type) {
    Random random = new Random(type.ggmlId());
    float[] values = new float[ROWS * COLUMNS];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    byte[] bytes = TensorBytes.encode(type, values);
    MemorySegment data = arena.allocate(bytes.length, 64).copyFrom(MemorySegment.ofArray(bytes));
    return new Tensor(type, ROWS, COLUMNS, data);
  }

  private static void assertSame(
      MemorySegment all, int firstRow, int firstColumn, MemorySegment part, int rows, int columns) {
    assertEquals(4L * rows * columns, part.byteSize());
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        long at = (long) (firstRow + r) * COLUMNS + firstColumn + c;
        float expected = all.getAtIndex(ValueLayout.JAVA_FLOAT, at);
        float actual = part.getAtIndex(ValueLayout.JAVA_FLOAT, (long) r * columns + c);
        // A sum of two terms below 8 that one side may fuse.
        assertEquals(expected, actual, 0x1p-20f, "row %d, column %d".formatted(r, c));
      }
    }
  }
}
