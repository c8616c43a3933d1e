package dev.rap.memory;

import dev.rap.tensor.Tensor;
import java.util.BitSet;

/**
 * The columns of a sublayer's output projection, where several can only go together, as in blocks
 * of quantised elements.
 *
 * @param columns of the matrix
 * @param unit columns of a unit; the last may have fewer
 * @param together columns that go together
 * @param blockBytes of {@code together} columns
 */
record OutputColumns(int columns, int unit, int together, long blockBytes) {

  static OutputColumns of(Tensor matrix, int unit, Storage storage) {
    int together = storage.columnsTogether(matrix);
    long bytes = storage.bytes(matrix) * together / matrix.columns();
    return new OutputColumns(matrix.columns(), unit, together, bytes);
  }

  /** {@return bytes of columns of other units that stay because they share blocks with these} */
  long bytesOfOthers(BitSet units) {
    if (unit % together == 0) {
      return 0;
    }
    BitSet kept = new BitSet(columns);
    for (int u = units.nextSetBit(0); u >= 0; u = units.nextSetBit(u + 1)) {
      kept.set(u * unit, Math.min((u + 1) * unit, columns));
    }
    long others = 0;
    for (int first = 0; first < columns; first += together) {
      int own = kept.get(first, first + together).cardinality();
      others += own == 0 ? 0 : together - own;
    }
    return others * blockBytes / together;
  }
}
