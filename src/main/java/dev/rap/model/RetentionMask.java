package dev.rap.model;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * Which head groups and channel blocks of each layer run. A sublayer of which nothing is retained
 * passes its input through on the residual path.
 *
 * <p>Immutable. Two masks are equal if their shapes are and they retain the same units.
 */
public final class RetentionMask {
  private final MaskShape shape;
  private final List<BitSet> retained; // by Sublayer.index(), never changed after construction

  private RetentionMask(MaskShape shape, List<BitSet> retained) {
    this.shape = shape;
    this.retained = retained;
  }

  /** {@return the mask that retains everything} */
  public static RetentionMask dense(MaskShape shape) {
    BitSet[] all = new BitSet[shape.sublayers()];
    for (int i = 0; i < all.length; i++) {
      all[i] = new BitSet();
      all[i].set(0, shape.units(Sublayer.of(i).kind()));
    }
    return new RetentionMask(shape, List.of(all));
  }

  public MaskShape shape() {
    return shape;
  }

  /** {@return a copy of the units of {@code sublayer} that run} */
  public BitSet units(Sublayer sublayer) {
    return (BitSet) row(sublayer).clone();
  }

  /** {@return the units of {@code sublayer} that do not run} */
  public BitSet dropped(Sublayer sublayer) {
    BitSet dropped = units(sublayer);
    dropped.flip(0, shape.units(sublayer.kind()));
    return dropped;
  }

  /**
   * Refuses a mask, or means for it, of another model.
   *
   * @throws IllegalArgumentException if they are
   */
  public void requireFor(ModelConfig config, Optional<MeanInputs> means) {
    MaskShape expected = config.maskShape(shape.channelBlockSize());
    if (!shape.equals(expected)) {
      throw new IllegalArgumentException(
          "the mask must have %s, had %s".formatted(expected, shape));
    }
    if (means.isPresent() && !means.get().fit(config)) {
      throw new IllegalArgumentException("the means are of another model");
    }
  }

  /** {@return how many units of {@code sublayer} run} */
  public int count(Sublayer sublayer) {
    return row(sublayer).cardinality();
  }

  /** {@return whether unit {@code unit} of {@code sublayer} runs} */
  public boolean retains(Sublayer sublayer, int unit) {
    return row(sublayer).get(unit);
  }

  /** {@return whether anything of {@code sublayer} runs} */
  public boolean retains(Sublayer sublayer) {
    return !row(sublayer).isEmpty();
  }

  /** {@return whether all that {@code other} runs runs here too} */
  public boolean retainsAll(RetentionMask other) {
    for (int i = 0; i < shape.sublayers(); i++) {
      BitSet more = (BitSet) other.retained.get(i).clone();
      more.andNot(retained.get(i));
      if (!more.isEmpty()) {
        return false;
      }
    }
    return true;
  }

  /** {@return the mask that retains what both do} */
  public RetentionMask intersect(RetentionMask other) {
    return combine(other, BitSet::and);
  }

  /** {@return the mask that retains what either does} */
  public RetentionMask union(RetentionMask other) {
    return combine(other, BitSet::or);
  }

  private RetentionMask combine(RetentionMask other, BiConsumer<BitSet, BitSet> operation) {
    if (!shape.equals(other.shape)) {
      throw new IllegalArgumentException(
          "the masks must have one shape, had %s and %s".formatted(shape, other.shape));
    }
    BitSet[] both = new BitSet[shape.sublayers()];
    for (int i = 0; i < both.length; i++) {
      both[i] = (BitSet) retained.get(i).clone();
      operation.accept(both[i], other.retained.get(i));
    }
    return new RetentionMask(shape, List.of(both));
  }

  /** {@return this mask less all of {@code sublayer}} */
  public RetentionMask without(Sublayer sublayer) {
    return with(sublayer, new BitSet());
  }

  /**
   * {@return this mask with exactly {@code units} of {@code sublayer}}
   *
   * @throws IllegalArgumentException if there is no such unit
   */
  public RetentionMask with(Sublayer sublayer, BitSet units) {
    if (units.length() > shape.units(sublayer.kind())) {
      throw new IllegalArgumentException(
          "no unit %d in %s, which has %d"
              .formatted(units.length() - 1, sublayer, shape.units(sublayer.kind())));
    }
    BitSet[] changed = retained.toArray(BitSet[]::new);
    row(sublayer); // refuses a layer that is not there
    changed[sublayer.index()] = (BitSet) units.clone();
    return new RetentionMask(shape, List.of(changed));
  }

  /** {@return whether everything runs} */
  public boolean isDense() {
    return equals(dense(shape));
  }

  private BitSet row(Sublayer sublayer) {
    if (sublayer.layer() < 0 || sublayer.layer() >= shape.layers()) {
      throw new IllegalArgumentException(
          "no %s in a model of %d layers".formatted(sublayer, shape.layers()));
    }
    return retained.get(sublayer.index());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RetentionMask that
        && shape.equals(that.shape)
        && retained.equals(that.retained);
  }

  @Override
  public int hashCode() {
    return 31 * shape.hashCode() + retained.hashCode();
  }

  /** {@return one character a sublayer: {@code #} whole, {@code +} in part, {@code .} dropped} */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("RetentionMask[");
    for (int i = 0; i < shape.sublayers(); i++) {
      int kept = retained.get(i).cardinality();
      text.append(kept == 0 ? '.' : kept == shape.units(Sublayer.of(i).kind()) ? '#' : '+');
    }
    return text.append(']').toString();
  }
}
