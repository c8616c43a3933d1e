package dev.rap.engine;

import dev.rap.kernels.Ranges;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Storage;
import dev.rap.model.ForwardPass;
import dev.rap.model.MaskShape;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Weights;
import dev.rap.natives.PageMemory;
import dev.rap.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * How much of a model's mapped file stays in memory.
 *
 * <p>Pages of rows that a mask drops are forgotten at once. An output projection has a column of
 * each channel in every row: where a sublayer is dropped in part, the columns that stay are copied
 * side by side, piece by piece, and all of the mapped matrix is forgotten. Whatever is read of
 * forgotten pages comes from the file again, so that no change has to wait.
 */
final class ResidentWeights implements AutoCloseable {
  private static final long PIECE_BYTES = 8L << 20;

  private final Weights weights;
  private final ForwardPass forward;
  private final int sublayers;
  private final long wholeBytes;
  private final boolean canForget;
  private final List<Optional<Copy>> copies = new ArrayList<>(); // in use, by Sublayer.index()
  private final List<Optional<Copy>> arrived = new ArrayList<>(); // for the mask that is wanted
  private final Deque<Runnable> arriving = new ArrayDeque<>();
  private RetentionMask resident; // units that are there, or may be
  private Optional<RetentionMask> wanted = Optional.empty();
  private int leaving; // the sublayer whose output projection is next to be copied
  private boolean forgetsAgain;
  private long counted; // what bytes() says, unless it is stale
  private boolean isStale = true;

  /** Some columns of an output projection, side by side. */
  private record Copy(Ranges columns, PageMemory memory, Tensor matrix) {
    static Copy of(Tensor matrix, Ranges columns) {
      long rowBytes = matrix.dtype().byteSize(columns.total());
      PageMemory memory = PageMemory.reserve(rowBytes * matrix.rows());
      long to = 0;
      for (int row = 0; row < matrix.rows(); row++) {
        long from = row * matrix.rowBytes();
        for (int i = 0; i < columns.count(); i++) {
          long offset = from + matrix.dtype().byteSize(columns.start(i));
          long bytes = matrix.dtype().byteSize(columns.end(i) - columns.start(i));
          MemorySegment.copy(matrix.data(), offset, memory.segment(), to, bytes);
          to += bytes;
        }
      }
      Tensor narrow = new Tensor(matrix.dtype(), matrix.rows(), columns.total(), memory.segment());
      return new Copy(columns, memory, narrow);
    }
  }

  /**
   * @param forward whose mask is dense
   */
  ResidentWeights(Weights weights, ForwardPass forward) {
    this.weights = weights;
    this.forward = forward;
    this.resident = forward.mask();
    this.sublayers = resident.shape().sublayers();
    this.leaving = sublayers;
    this.wholeBytes = MemoryModel.weightBytes(weights, Storage.AS_STORED);
    boolean mapped = true;
    for (int i = 0; i < sublayers; i++) {
      copies.add(Optional.empty());
      arrived.add(Optional.empty());
      for (Weights.Projection projection : projections(Sublayer.of(i))) {
        mapped &= PageMemory.canForget(projection.matrix().data());
      }
    }
    this.canForget = mapped;
  }

  private List<Weights.Projection> projections(Sublayer sublayer) {
    return weights.layers().get(sublayer.layer()).projections(sublayer.kind());
  }

  private Tensor output(Sublayer sublayer) {
    return weights.layers().get(sublayer.layer()).output(sublayer.kind()).matrix();
  }

  /** Follows a mask that has come into force. */
  void maskChanged() {
    RetentionMask mask = forward.mask();
    for (int i = 0; i < sublayers; i++) {
      Sublayer sublayer = Sublayer.of(i);
      Ranges columns = forward.projectionColumns(sublayer, mask);
      boolean isDropped = columns.total() == 0; // what there is of it stays until a reclaim
      Optional<Copy> kept =
          copies.get(i).filter(copy -> isDropped || copy.columns().equals(columns));
      if (kept.isEmpty()) {
        close(copies, i);
        kept = arrived.get(i).filter(copy -> copy.columns().equals(columns));
        kept.ifPresent(_ -> arrived.set(sublayer.index(), Optional.empty()));
        copies.set(i, kept);
      }
      kept.filter(_ -> !isDropped).ifPresent(copy -> forward.narrow(sublayer, copy.matrix()));
    }
    cancelArrivals();
    leaving = sublayers;
    forgetsAgain = canForget;
    isStale = true;
    resident =
        mask.shape().equals(resident.shape())
            ? resident.union(mask)
            : RetentionMask.dense(mask.shape());
  }

  /** Lets go of what the mask in force drops, and of what was to come back. */
  void reclaim() {
    if (canForget) {
      cancelArrivals();
      resident = forward.mask();
      leaving = 0;
      forgetsAgain = true;
      isStale = true;
      forget();
    }
  }

  private void forget() {
    List<MemorySegment> gone = new ArrayList<>();
    for (int i = 0; i < sublayers; i++) {
      Sublayer sublayer = Sublayer.of(i);
      gone.addAll(rows(sublayer, resident.dropped(sublayer), resident.shape()));
      if (!resident.retains(sublayer)) {
        close(copies, i);
      }
      if (!resident.retains(sublayer) || copies.get(i).isPresent()) {
        gone.add(output(sublayer).data());
      }
    }
    PageMemory.forget(gone);
  }

  // Of all projections of a sublayer but the last.
  private List<MemorySegment> rows(Sublayer sublayer, BitSet units, MaskShape shape) {
    List<MemorySegment> parts = new ArrayList<>();
    List<Weights.Projection> inputs = projections(sublayer);
    for (Weights.Projection input : inputs.subList(0, inputs.size() - 1)) {
      Tensor matrix = input.matrix();
      int unitRows =
          sublayer.kind() == Sublayer.Kind.ATTENTION
              ? matrix.rows() / shape.headGroups()
              : shape.channelBlockSize();
      int start;
      for (int end = 0; (start = units.nextSetBit(end)) >= 0; ) {
        end = units.nextClearBit(start);
        long first = (long) start * unitRows * matrix.rowBytes();
        long last = Math.min((long) end * unitRows * matrix.rowBytes(), matrix.byteSize());
        parts.add(matrix.data().asSlice(first, last - first));
      }
    }
    return parts;
  }

  /** Begins to bring what {@code mask} needs; {@return whether all of it is there} */
  boolean prefetch(RetentionMask mask) {
    mask.requireFor(weights.config(), Optional.empty());
    if (!wanted.equals(Optional.of(mask))) {
      cancelArrivals();
      wanted = Optional.of(mask);
      for (int i = 0; i < sublayers; i++) {
        bring(Sublayer.of(i), mask);
      }
    }
    return arriving.isEmpty();
  }

  private void bring(Sublayer sublayer, RetentionMask mask) {
    BitSet back = mask.units(sublayer);
    if (mask.shape().equals(resident.shape())) {
      back.andNot(resident.units(sublayer));
    }
    rows(sublayer, back, mask.shape()).forEach(this::populate);
    Ranges columns = forward.projectionColumns(sublayer, mask);
    Optional<Copy> copy = copies.get(sublayer.index());
    boolean isHere = copy.isEmpty() && resident.retains(sublayer);
    if (isHere
        || columns.total() == 0
        || copy.filter(c -> c.columns().equals(columns)).isPresent()) {
      return;
    }
    Tensor output = output(sublayer);
    if (columns.total() < output.columns()) {
      arriving.add(() -> arrived.set(sublayer.index(), Optional.of(copy(output, columns))));
    } else {
      populate(output.data());
    }
  }

  // From then on no step reads the matrix itself.
  private Copy copy(Tensor output, Ranges columns) {
    Copy copy = Copy.of(output, columns);
    PageMemory.forget(List.of(output.data()));
    isStale = true;
    return copy;
  }

  private void populate(MemorySegment part) {
    for (long first = 0; first < part.byteSize(); first += PIECE_BYTES) {
      MemorySegment piece = part.asSlice(first, Math.min(PIECE_BYTES, part.byteSize() - first));
      arriving.add(() -> PageMemory.populate(piece));
    }
  }

  private void cancelArrivals() {
    wanted = Optional.empty();
    arriving.clear();
    isStale = true;
    for (int i = 0; i < sublayers; i++) {
      close(arrived, i);
    }
  }

  private static void close(List<Optional<Copy>> copies, int index) {
    copies.set(index, Optional.empty()).ifPresent(copy -> copy.memory().close());
  }

  /** Copies the columns of one sublayer, or brings a piece; {@return whether there was one} */
  boolean work() {
    for (; leaving < sublayers; leaving++) {
      if (copyColumns(Sublayer.of(leaving))) {
        return true;
      }
    }
    Optional<Runnable> piece = Optional.ofNullable(arriving.poll());
    piece.ifPresent(Runnable::run);
    return piece.isPresent();
  }

  private boolean copyColumns(Sublayer sublayer) {
    Tensor output = output(sublayer);
    Ranges columns = forward.projectionColumns(sublayer, forward.mask());
    boolean isPart = columns.total() > 0 && columns.total() < output.columns();
    if (!isPart || copies.get(sublayer.index()).isPresent()) {
      return false;
    }
    Copy copy = copy(output, columns);
    copies.set(sublayer.index(), Optional.of(copy));
    forward.narrow(sublayer, copy.matrix());
    return true;
  }

  /** {@return whether some output projection is read from a copy} */
  boolean hasCopies() {
    return copies.stream().anyMatch(Optional::isPresent);
  }

  boolean isSettled() {
    return leaving == sublayers && arriving.isEmpty();
  }

  /**
   * Is told of a step. The first one after a change reads what stays, and where that comes from the
   * file the system maps pages around it, too; so it does where the mean of what goes was computed.
   */
  void stepped() {
    if (forgetsAgain && leaving == sublayers) {
      forgetsAgain = false;
      forget();
    }
  }

  /** {@return bytes of all parameters that have not been let go of} */
  long bytes() {
    if (isStale) {
      counted = count();
      isStale = false;
    }
    return counted;
  }

  private long count() {
    long bytes = wholeBytes + arrived.stream().mapToLong(ResidentWeights::bytes).sum();
    for (int i = 0; i < sublayers; i++) {
      Sublayer sublayer = Sublayer.of(i);
      bytes -= sum(rows(sublayer, resident.dropped(sublayer), resident.shape()));
      if (!resident.retains(sublayer) || copies.get(i).isPresent()) {
        bytes += bytes(copies.get(i)) - output(sublayer).byteSize();
      }
    }
    return bytes;
  }

  private static long bytes(Optional<Copy> copy) {
    return copy.map(c -> c.matrix().byteSize()).orElse(0L);
  }

  private static long sum(Collection<MemorySegment> parts) {
    return parts.stream().mapToLong(MemorySegment::byteSize).sum();
  }

  @Override
  public void close() {
    for (int i = 0; i < sublayers; i++) {
      close(copies, i);
      close(arrived, i);
    }
  }
}
