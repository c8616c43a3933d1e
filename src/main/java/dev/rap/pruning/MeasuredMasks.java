package dev.rap.pruning;

import dev.rap.memory.MemoryModel;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Every mask of whole sublayers whose loss is known; others are measured when asked for. */
final class MeasuredMasks {
  private final Profile profile;
  private final MemoryModel memory;
  private final MaskLoss loss;
  private final Map<BitSet, Double> known = new LinkedHashMap<>();
  private final int fromGsi;
  private int measured;

  MeasuredMasks(Profile profile, MemoryModel memory, MaskLoss loss) {
    this.profile = profile;
    this.memory = memory;
    this.loss = loss;
    known.put(new BitSet(), profile.denseLoss());
    BitSet gone = new BitSet();
    for (GsiRound round : profile.gsi()) {
      for (int i = 0; i < profile.sublayers(); i++) {
        if (!gone.get(i)) {
          BitSet removed = (BitSet) gone.clone();
          removed.set(i);
          known.put(removed, round.losses().get(i));
        }
      }
      gone.set(round.removed());
    }
    fromGsi = known.size();
    for (MeasuredMask mask : profile.measured()) {
      BitSet removed = new BitSet();
      mask.removed().forEach(removed::set);
      known.putIfAbsent(removed, mask.loss());
    }
  }

  boolean knows(BitSet removed) {
    return known.containsKey(removed);
  }

  /** {@return the measured loss with {@code removed} gone} */
  double loss(BitSet removed) {
    Double before = known.get(removed);
    if (before != null) {
      return before;
    }
    double now = loss.loss(Removal.maskWithout(memory, removed));
    if (!Double.isFinite(now)) {
      throw new IllegalStateException(
          "the loss without sublayers %s was %s".formatted(removed, now));
    }
    known.put((BitSet) removed.clone(), now);
    measured++;
    return now;
  }

  /** {@return how many masks are known, the dense one included} */
  int known() {
    return known.size();
  }

  /** {@return how many masks were measured since the beginning} */
  int measured() {
    return measured;
  }

  /** {@return the surrogate of all that is known} */
  LossSurrogate surrogate(long seed) {
    double[] importances = new double[profile.sublayers()];
    for (int i = 0; i < importances.length; i++) {
      importances[i] = profile.gsi().getFirst().losses().get(i) - profile.denseLoss();
    }
    double[] losses = known.values().stream().mapToDouble(v -> v).toArray();
    return LossSurrogate.fit(
        profile.denseLoss(), List.copyOf(known.keySet()), losses, importances, seed);
  }

  /** {@return what is known beyond the dense loss and GSI's rounds, the oldest first} */
  List<MeasuredMask> beyondGsi() {
    List<MeasuredMask> masks = new ArrayList<>();
    known.entrySet().stream()
        .skip(fromGsi)
        .forEach(
            entry ->
                masks.add(
                    new MeasuredMask(entry.getKey().stream().boxed().toList(), entry.getValue())));
    return List.copyOf(masks);
  }
}
