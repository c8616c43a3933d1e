package dev.rap.cuda;

import dev.rap.model.MaskShape;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.BiFunction;

/**
 * The units of a model that are on the device, and their leaving and coming back.
 *
 * <p>What is there is dense: the units of each sublayer lie in the first slots of its matrices (see
 * {@link UnitSlots}), and pages behind them go to the pool once the device is done with them. Units
 * come back behind those that are there, on a stream of their own, while steps run; they are taken
 * into use between two steps.
 *
 * <p>What is begun here is done piece by piece in {@link #work}. Only {@link #require} and {@link
 * #compact} wait for the device.
 */
final class ElasticWeights implements AutoCloseable {
  // Twice as many may be under way. Of a thousand copies more the driver would make the host wait.
  private static final long UNDER_WAY_BYTES = 192L << 20;

  private final CudaDevice device;
  private final CudaStream stream;
  private final CudaKernels kernels;
  private final CudaStream arrivals;
  private final CudaWeights weights;
  private final RetentionMask initial;
  private final BiFunction<MaskShape, CudaStream, UnitSource> file;
  private final List<SublayerUnits> parts = new ArrayList<>(); // by sublayer
  private final IdentityHashMap<DeviceMemory, DeviceMemory> homes =
      new IdentityHashMap<>(); // of biases
  private final CudaEvent settled; // after the last step that could use what has left
  private final CudaEvent arrived;
  private final CudaEvent passed; // after what was queued before underWayBytes
  private MaskShape shape;
  private UnitMoves moves;
  private UnitSource source; // none before something leaves
  private RetentionMask wanted;
  private int users;
  private int growing; // the sublayer that work is at
  private int shrinking;
  private long underWayBytes; // queued since `passed` was recorded

  /**
   * @param weights with all units, or, where {@code initial} is not dense, with none
   * @param initial the units that all users find
   * @param file makes the source of what comes back on a stream, unless there is a {@link
   *     HostMaster}
   */
  ElasticWeights(
      CudaDevice device,
      CudaStream stream,
      CudaKernels kernels,
      CudaWeights weights,
      RetentionMask initial,
      BiFunction<MaskShape, CudaStream, UnitSource> file) {
    this.initial = initial;
    this.file = file;
    this.device = device;
    this.stream = stream;
    this.kernels = kernels;
    this.arrivals = device.newStream();
    this.weights = weights;
    this.settled = device.newEvent();
    this.arrived = device.newEvent();
    this.passed = device.newEvent();
    for (CudaWeights.Layer layer : weights.layers()) {
      for (CudaWeights.Projection projection : List.of(layer.qkv(), layer.gate(), layer.up())) {
        projection.bias().ifPresent(this::keepHome);
      }
    }
    setShape(initial.shape(), initial.isDense());
    if (!initial.isDense()) {
      source = file.apply(shape, arrivals);
    }
  }

  private void keepHome(DeviceMemory bias) {
    DeviceMemory home = device.allocate(bias.bytes(), MemoryOwner.WEIGHTS);
    stream.copy(home, 0, bias, 0, bias.bytes());
    homes.put(bias, home);
  }

  private void setShape(MaskShape changed, boolean isWhole) {
    shape = changed;
    wanted = RetentionMask.dense(shape);
    parts.clear();
    for (int i = 0; i < shape.sublayers(); i++) {
      List<CudaWeights.UnitRows> rows = weights.unitRows(shape, i);
      List<SublayerUnits.Vector> vectors = vectors(rows.getFirst().unitRows(), weights.inputs(i));
      UnitSlots slots = new UnitSlots(shape.units(Sublayer.of(i).kind()), isWhole);
      parts.add(new SublayerUnits(slots, weights.matrices(i), rows, vectors));
    }
    if (moves != null) {
      moves.close();
    }
    moves = new UnitMoves(device, stream, kernels, weights, shape);
    if (source instanceof UnitFile) {
      source.close();
      source = null;
    }
  }

  private List<SublayerUnits.Vector> vectors(
      int unitRows, List<CudaWeights.Projection> projections) {
    return projections.stream()
        .flatMap(projection -> projection.bias().stream())
        .map(
            placed ->
                new SublayerUnits.Vector(homes.get(placed), placed, unitRows * (long) Float.BYTES))
        .toList();
  }

  /**
   * Counts units as {@code changed} does from now on.
   *
   * @throws IllegalStateException if it is another shape and not all units are there
   */
  void reshape(MaskShape changed) {
    if (shape.equals(changed)) {
      return;
    }
    if (!isWhole()) {
      throw new IllegalStateException(
          "units are away as %s has them: bring them back before a mask of %s"
              .formatted(shape, changed));
    }
    setShape(changed, true);
  }

  /** {@return the units that are there when {@link #open} returns} */
  RetentionMask initial() {
    return initial;
  }

  /** Begins the use by one more, who then says what may leave. */
  void open() {
    if (!shape.equals(initial.shape())) {
      require(RetentionMask.dense(shape));
      integrate();
      reshape(initial.shape());
    }
    require(initial);
    integrate();
    users++;
  }

  /** Ends what {@link #open} began. */
  void leave() {
    users--;
  }

  /** {@return where the units of a sublayer lie} */
  UnitSlots slots(int sublayer) {
    return parts.get(sublayer).slots();
  }

  /** {@return whether all units are there, and none is on its way} */
  boolean isWhole() {
    return parts.stream().allMatch(SublayerUnits::isWhole);
  }

  /** {@return whether all units of {@code mask} are there or have arrived} */
  boolean has(RetentionMask mask) {
    boolean needsArrivals = false;
    for (int i = 0; i < parts.size(); i++) {
      BitSet missing = needed(mask, i);
      missing.andNot(parts.get(i).slots().units());
      needsArrivals |= !missing.isEmpty();
      missing.andNot(parts.get(i).present());
      if (!missing.isEmpty()) {
        return false;
      }
    }
    return !needsArrivals || arrived.reached();
  }

  /** Lets {@link #work} bring back what {@code mask} has and the device has not. */
  void want(RetentionMask mask) {
    if (!mask.equals(wanted)) {
      begin(mask);
    }
  }

  private void begin(RetentionMask mask) {
    wanted = mask;
    parts.forEach(SublayerUnits::forgetNext);
    growing = 0;
    shrinking = 0;
  }

  /** Brings all units of {@code mask}, however long it takes. */
  void require(RetentionMask mask) {
    if (has(mask)) {
      return;
    }
    want(mask);
    while (!has(mask)) {
      if (!work()) {
        arrivals.synchronize();
      }
    }
  }

  /** Gives what has arrived its slots, from the next step on. */
  void integrate() {
    if (!arrived.reached()) {
      return;
    }
    boolean changed = false;
    for (SublayerUnits part : parts) {
      if (part.hasArrivals()) {
        part.change(part.present(), moves, stream);
        changed = true;
      }
    }
    if (changed) {
      stream.record(settled);
    }
  }

  /**
   * Lets go of all units that {@code mask} has not, and keeps the others dense. Steps queued from
   * now on must not use what goes.
   *
   * @param first runs as soon as the pool has the first pages, if there are any: who needs memory
   *     sees at once that it comes
   * @throws IllegalStateException if several use these weights, or if some have left while their
   *     units were counted otherwise
   */
  void compact(RetentionMask mask, Runnable first) {
    if (users > 1) {
      throw new IllegalStateException(
          "%d runners use the same weights: close all but one before units leave".formatted(users));
    }
    reshape(mask.shape());
    if (source == null) {
      source = file.apply(shape, arrivals);
    }
    arrived.await();
    begin(mask);
    boolean isFirst = true;
    for (int i = 0; i < parts.size(); i++) {
      SublayerUnits part = parts.get(i);
      BitSet kept = part.present();
      kept.and(needed(mask, i));
      part.change(kept, moves, stream);
      if (isFirst && part.hasExcess()) {
        stream.record(settled);
        settled.await();
        part.shrinkPiece();
        first.run();
        isFirst = false;
      }
    }
    stream.record(settled);
    growing = has(mask) ? parts.size() : 0;
  }

  // The last channel block may be short. Then a feed-forward sublayer is there as a whole or not at
  // all.
  private BitSet needed(RetentionMask mask, int sublayer) {
    BitSet units = mask.units(Sublayer.of(sublayer));
    boolean hasEqualUnits =
        Sublayer.of(sublayer).kind() == Sublayer.Kind.ATTENTION
            || shape.channels() % shape.channelBlockSize() == 0;
    if (!hasEqualUnits && !units.isEmpty()) {
      units.set(0, parts.get(sublayer).slots().size());
    }
    return units;
  }

  /**
   * Makes a {@link HostMaster} the source of what comes back, unless some units were not there
   * initially.
   *
   * @throws IllegalStateException if not all units are there now
   */
  void keepMaster() {
    if (source instanceof HostMaster || !initial.isDense()) {
      return;
    }
    if (!isWhole()) {
      throw new IllegalStateException("the host's copy can only be made of a whole model");
    }
    if (source != null) {
      source.close();
    }
    source = new HostMaster(device, arrivals, weights);
  }

  /** {@return whether {@link #work} may have something to do, now or later} */
  boolean isBusy() {
    return growing < parts.size() || shrinking < parts.size();
  }

  /** {@return whether units are to come back that are not on their way yet} */
  boolean isGrowing() {
    return growing < parts.size();
  }

  /**
   * Does one piece of what there is to do: takes pages from matrices that have got shorter, or
   * brings a unit back.
   *
   * @return whether there was something that could be done now
   * @throws DeviceOutOfMemoryException if the device has no room for what is to come back; all is
   *     as before, and later work may succeed
   */
  boolean work() {
    return (settled.reached() && shrink()) || bring();
  }

  private boolean shrink() {
    while (shrinking < parts.size() && !parts.get(shrinking).shrinkPiece()) {
      shrinking++;
    }
    return shrinking < parts.size();
  }

  private boolean bring() {
    if (underWayBytes >= UNDER_WAY_BYTES) {
      if (!passed.reached()) {
        return false;
      }
      arrivals.record(passed);
      underWayBytes = 0;
    }
    for (; growing < parts.size(); growing++) {
      SublayerUnits part = parts.get(growing);
      BitSet missing = needed(wanted, growing);
      missing.andNot(part.present());
      int unit = missing.nextSetBit(0);
      if (unit >= 0) {
        bring(part, unit);
        return true;
      }
    }
    return false;
  }

  private void bring(SublayerUnits part, int unit) {
    if (!part.growPiece()) {
      return;
    }
    arrivals.waitFor(settled);
    for (int i = 0; i < part.matrices(); i++) {
      source.bring(shape, growing, i, unit, part.nextAddress(i));
    }
    underWayBytes += part.bytes(unit);
    arrivals.record(arrived);
    part.arrives(unit);
  }

  @Override
  public void close() {
    arrivals.synchronize();
    if (source != null) {
      source.close();
    }
    moves.close();
    homes.values().forEach(DeviceMemory::close);
    settled.close();
    arrived.close();
    passed.close();
    arrivals.close();
  }
}
