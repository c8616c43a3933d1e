package dev.rap.engine;

import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.MemoryUse;
import dev.rap.memory.Workload;
import dev.rap.model.MeanInputs;
import dev.rap.model.RetentionMask;
import dev.rap.pruning.BudgetTooSmallException;
import dev.rap.pruning.PruningPolicy;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * Runs an engine within a memory budget that moves: between two steps it compares the budget and
 * what sequences ask for with what is held, asks the policy for a mask, and has memory follow.
 *
 * <p>What goes goes at once; what comes back comes while steps run, and is taken into use when it
 * is there. Under pressure the free KvBlocks go first, then units of the model, then sequences
 * wait, then those that run are sent back, and only a sequence that cannot run alone with
 * everything else gone is refused. One thread runs it; the budget may be set by any.
 */
public final class PruningController {
  // Room that the workload counts beyond the tokens that sequences have: else each token would be a
  // new question to the policy.
  private static final int HEADROOM_TOKENS = 128;
  private static final int WORKLOAD_QUANTUM = 64;
  private static final double HYSTERESIS = 0.01; // of the dense model
  private static final double SLACK = 0.05; // of the dense model: for less no unit is brought back
  private static final long DEVICE_NANOS = 5_000_000; // between looks, as the tracker looks
  private static final long FRUITLESS_NANOS = 2_000_000_000; // in which nothing that returns came
  private static final long RAISE_NANOS = 200_000_000; // that the device must have had more
  private static final int IDLE_PIECES = 64;

  private final Engine engine;
  private final MemoryModel memory;
  private final PruningPolicy policy;
  private final Optional<MeanInputs> means;
  private final Consumer<Decision> decisions;
  private final int mostKvTokens;
  private final RetentionMask dense;
  private final long denseBytes; // of weights and KV, as the memory model counts them
  private final long wholeBytes; // that are held with nothing given up
  private final Options options;
  private volatile MemoryBudget cap;

  private long overhead; // what is held beside weights and KV, as the memory model counts them
  private boolean corrected; // since the last decision
  private boolean admitted; // whether the policy had an answer
  private Stage stage = Stage.DONE;
  private RetentionMask target;
  private int targetKvTokens;
  private long decidedBytes = Long.MAX_VALUE;
  private Workload decidedWorkload;
  private long deviceBytes = Long.MAX_VALUE; // that the device lets us have
  private long lookedNanos;
  private long grownBytes; // that were held when something came
  private long grownNanos;
  private long moreSince; // when the device began to have more than was decided on; 0 if it has not

  private enum Stage {
    SHRINKING,
    GROWING,
    DONE
  }

  /**
   * One answer of the policy.
   *
   * @param budgetBytes that it was given
   * @param heldBytes at that time
   * @param kvTokens that there will be room for
   * @param micros that it took
   * @param why it was asked
   */
  public record Decision(
      RetentionMask from,
      RetentionMask to,
      long budgetBytes,
      long heldBytes,
      int kvTokens,
      double micros,
      String why) {}

  /**
   * What a controller leaves to others, and what it does for sequences.
   *
   * @param reserve bytes of the device that are left to others
   * @param recompute whether sequences that lack keys and values of head groups which return are
   *     sent back and computed anew, which makes them wait once; else they go on without
   */
  public record Options(long reserve, boolean recompute) {
    /** Nothing is left to others, and sequences go on without what they lack. */
    public static final Options USUAL = new Options(0, false);

    public Options {
      if (reserve < 0) {
        throw new IllegalArgumentException("reserve must not be negative, was " + reserve);
      }
    }
  }

  /**
   * @param engine whose mask and KV cache nobody else changes
   * @param memory of the engine's model
   * @param means if present, added in the place of what is dropped
   * @param decisions is told each one
   */
  public PruningController(
      Engine engine,
      MemoryModel memory,
      PruningPolicy policy,
      Optional<MeanInputs> means,
      Options options,
      Consumer<Decision> decisions) {
    this.engine = engine;
    this.memory = memory;
    this.policy = policy;
    this.means = means;
    this.options = options;
    this.decisions = decisions;
    this.mostKvTokens = engine.kvTokens();
    this.dense = RetentionMask.dense(memory.shape());
    this.target = engine.mask();
    engine.setMask(target, means);
    engine.reclaim(); // takes what it needs to bring units back
    this.targetKvTokens = mostKvTokens;
    this.denseBytes = memory.denseUse(new Workload(1, mostKvTokens)).weightsAndKv();
    this.wholeBytes = engine.wholeBytes(memory);
    this.overhead = wholeBytes - denseBytes;
    this.cap = new MemoryBudget(Long.MAX_VALUE);
  }

  /** Sets how many bytes may be held at most, from the next step on. */
  public void setBudget(MemoryBudget budget) {
    cap = budget;
  }

  /** {@return bytes that are held with nothing given up: a budget of so many is for all} */
  public long wholeBytes() {
    return wholeBytes;
  }

  /**
   * {@return bytes that may be held now: the cap, or less where others have the device's memory}
   */
  public long budgetBytes() {
    return Math.min(cap.bytes(), deviceBytes);
  }

  /**
   * Lets memory follow the budget, and runs one step of the engine.
   *
   * @return tokens that went through the model
   */
  public int step() {
    lookAtDevice();
    decide();
    follow();
    int tokens = engine.step();
    if (tokens == 0) {
      for (int i = 0; i < IDLE_PIECES && engine.work(); i++) {
        // nothing else is to be done
      }
      boolean isLast = stage == Stage.DONE && engine.isSettled();
      engine.starved().filter(starved -> isLast).ifPresent(engine::refuse);
    }
    return tokens;
  }

  /** {@return whether memory has followed the last decision} */
  public boolean isSettled() {
    return stage == Stage.DONE && engine.isSettled() && !corrected;
  }

  // Less holds at once, more when it has lasted: what comes back costs time.
  private void lookAtDevice() {
    long now = System.nanoTime();
    if (now - lookedNanos < DEVICE_NANOS) {
      return;
    }
    lookedNanos = now;
    OptionalLong available = engine.available();
    if (available.isEmpty()) {
      return;
    }
    long bytes = Math.max(1, available.getAsLong() - options.reserve());
    if (bytes <= deviceBytes) {
      deviceBytes = bytes;
      moreSince = 0;
    } else if (moreSince == 0) {
      moreSince = now;
    } else if (now - moreSince > RAISE_NANOS) {
      deviceBytes = bytes;
      moreSince = 0;
    }
  }

  private void decide() {
    Workload workload = workload();
    long budget = budgetBytes();
    long step = (long) (HYSTERESIS * denseBytes);
    boolean less = budget < Math.min(decidedBytes, engine.held().total());
    boolean more = decidedBytes < wholeBytes && budget - decidedBytes > step;
    boolean other = !workload.equals(decidedWorkload) && !suits(workload, budget - overhead);
    if (!less && !more && !other && !corrected) {
      return;
    }
    corrected = false;
    String why =
        more ? "more memory" : less ? "less memory" : other ? "other sequences" : "correction";
    decidedBytes = budget;
    decidedWorkload = workload;
    long start = System.nanoTime();
    boolean whole = budget >= wholeBytes;
    RetentionMask mask = whole ? dense : choose(workload, budget - overhead);
    double micros = (System.nanoTime() - start) / 1e3;
    int kvTokens = whole ? mostKvTokens : kvTokens(mask, budget - overhead);
    if (mask.equals(target) && kvTokens == targetKvTokens) {
      return;
    }
    decisions.accept(
        new Decision(engine.mask(), mask, budget, engine.held().total(), kvTokens, micros, why));
    target = mask;
    targetKvTokens = kvTokens;
    begin();
  }

  // Whether the mask is still right: as another one would be to bring and to take away.
  private boolean suits(Workload workload, long bytes) {
    long free = bytes - memory.use(target, workload).weightsAndKv();
    return free >= 0 && (target.isDense() || free < SLACK * denseBytes);
  }

  private Workload workload() {
    Engine.Demand demand = engine.demand();
    int sequences = Math.max(1, demand.sequences());
    long each = Math.ceilDiv(demand.tokens(), (long) sequences) + HEADROOM_TOKENS;
    long rounded = Math.ceilDiv(each, (long) WORKLOAD_QUANTUM) * WORKLOAD_QUANTUM;
    return new Workload(sequences, Math.clamp(rounded, 1, Math.max(1, mostKvTokens / sequences)));
  }

  // Fewer sequences at once where not all of them fit, and in the end one with what it has now.
  private RetentionMask choose(Workload workload, long bytes) {
    admitted = true;
    for (int sequences = workload.sequences(); sequences > 0; sequences /= 2) {
      try {
        return ask(new Workload(sequences, workload.contextLength()), bytes);
      } catch (BudgetTooSmallException e) {
        // fewer sequences may fit
      }
    }
    Workload least = new Workload(1, Math.max(1, engine.demand().longest() + 1));
    try {
      return ask(least, bytes);
    } catch (BudgetTooSmallException e) {
      admitted = false; // the smallest mask is the best there is: sequences wait, or are refused
      return policy.choose(least, new MemoryBudget(e.neededBytes()));
    }
  }

  // The workspace is the engine's, for all sequences that it may ever have, and part of the
  // overhead.
  private RetentionMask ask(Workload workload, long bytes) {
    long workspace = memory.denseUse(workload).workspace();
    return policy.choose(workload, new MemoryBudget(Math.max(1, bytes + workspace)));
  }

  private int kvTokens(RetentionMask mask, long bytes) {
    MemoryUse one = memory.use(mask, new Workload(1, 1));
    long room = bytes - one.weights();
    if (one.kv() == 0) {
      return mostKvTokens;
    }
    long blocks = room / (one.kv() * ModelRunner.BLOCK_SIZE);
    return Math.clamp(blocks * ModelRunner.BLOCK_SIZE, 1, mostKvTokens);
  }

  // What goes goes now, blocks of the KV cache first: free ones cost nothing.
  private void begin() {
    if (targetKvTokens < engine.kvTokens()) {
      engine.resizeKv(targetKvTokens);
    }
    RetentionMask common = engine.mask().intersect(target);
    if (!common.equals(engine.mask())) {
      engine.setMask(common, means);
      engine.reclaim();
    }
    stage = Stage.SHRINKING;
    grownBytes = 0;
  }

  private void follow() {
    if (stage == Stage.SHRINKING && engine.isSettled()) {
      stage = Stage.GROWING;
    }
    if (stage == Stage.GROWING) {
      boolean whole = engine.mask().equals(target);
      if (!whole && engine.prefetch(target)) {
        engine.setMask(target, means);
        whole = true;
        if (options.recompute()) {
          engine.recompute();
        }
      }
      if (engine.resizeKv(targetKvTokens) && whole) {
        stage = Stage.DONE;
        correct();
      } else if (isFruitless()) {
        settleForLess();
      }
    }
  }

  private boolean isFruitless() {
    long now = System.nanoTime();
    long held = engine.held().total();
    if (held != grownBytes) {
      grownBytes = held;
      grownNanos = now;
    }
    return now - grownNanos > FRUITLESS_NANOS;
  }

  // There should be room, but the device does not let us have it. The next step asks anew.
  private void settleForLess() {
    target = engine.mask();
    targetKvTokens = engine.kvTokens();
    engine.prefetch(target);
    engine.resizeKv(targetKvTokens);
    decidedBytes = engine.held().total();
    stage = Stage.DONE;
  }

  // Pages are not filled to the last byte: what is held may be more than the memory model says.
  private void correct() {
    long excess = engine.held().total() - decidedBytes;
    if (excess > 0 && admitted) {
      overhead += excess;
      corrected = true; // the same question has another answer now
    }
  }
}
