package dev.rap.eval;

import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.RetentionMask;
import dev.rap.pruning.MaskLoss;
import dev.rap.pruning.Policies;
import dev.rap.pruning.Profile;
import dev.rap.pruning.PruningPolicy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleConsumer;

/** Every policy on the same questions, its masks measured on the same text. */
public final class PolicyComparison {
  private static final int DECISIONS = 9; // the median of so many is reported

  private final MemoryModel memory;
  private final Optional<Profile> profile;
  private final MaskLoss loss;
  private final int randomMasks;

  /**
   * @param loss on text that calibration did not see
   * @param randomMasks that stand for the random policy, one a seed
   */
  public PolicyComparison(
      MemoryModel memory, Optional<Profile> profile, MaskLoss loss, int randomMasks) {
    if (randomMasks < 1) {
      throw new IllegalArgumentException("randomMasks must be positive, was " + randomMasks);
    }
    this.memory = memory;
    this.profile = profile;
    this.loss = loss;
    this.randomMasks = randomMasks;
  }

  /**
   * What a policy made of one budget, over all workloads and, for the random policy, seeds.
   *
   * @param share the budget / bytes of the dense model under the same workload
   * @param masks that were measured
   * @param perplexity exp of the mean loss
   * @param lowest perplexity of one mask
   * @param highest perplexity of one mask
   * @param bytesShare mean of bytes of the mask / bytes of the dense model
   * @param decisionMicros median time to decide
   */
  public record Row(
      String policy,
      double share,
      int masks,
      double perplexity,
      double lowest,
      double highest,
      double bytesShare,
      double decisionMicros) {}

  /**
   * {@return a row for each budget and policy, budgets descending as given}
   *
   * @param shares budgets as shares of the dense model
   * @param workloads those that a budget cannot be met for are left out for every policy
   * @param progress is told the share done, in (0, 1]
   */
  public List<Row> compare(
      List<String> policies,
      List<Double> shares,
      List<Workload> workloads,
      DoubleConsumer progress) {
    List<Row> rows = new ArrayList<>();
    for (double share : shares) {
      List<Workload> possible =
          workloads.stream().filter(w -> budget(share, w).admits(memory.smallestBytes(w))).toList();
      for (String policy : policies) {
        if (!possible.isEmpty()) {
          rows.add(row(policy, share, possible));
        }
        int done = shares.indexOf(share) * policies.size() + policies.indexOf(policy) + 1;
        progress.accept((double) done / (shares.size() * policies.size()));
      }
    }
    return rows;
  }

  private MemoryBudget budget(double share, Workload workload) {
    return MemoryBudget.share(share, memory.denseBytes(workload));
  }

  private Row row(String name, double share, List<Workload> workloads) {
    int seeds = name.equals("random") ? randomMasks : 1;
    List<Double> losses = new ArrayList<>();
    double bytesShare = 0;
    List<Double> micros = new ArrayList<>();
    for (int seed = 0; seed < seeds; seed++) {
      PruningPolicy policy = Policies.create(name, memory, profile, seed);
      for (Workload workload : workloads) {
        Decision decision = decide(policy, workload, budget(share, workload));
        losses.add(loss.loss(decision.mask()));
        micros.add(decision.micros());
        bytesShare +=
            (double) memory.bytes(decision.mask(), workload) / memory.denseBytes(workload);
      }
    }
    double[] sorted = losses.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    double[] times = micros.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    return new Row(
        name,
        share,
        sorted.length,
        Math.exp(Arrays.stream(sorted).average().orElseThrow()),
        Math.exp(sorted[0]),
        Math.exp(sorted[sorted.length - 1]),
        bytesShare / sorted.length,
        times[times.length / 2]);
  }

  /**
   * A mask and what it took to choose it.
   *
   * @param micros median of several decisions
   */
  public record Decision(RetentionMask mask, double micros) {}

  /** {@return what {@code policy} chooses} */
  public static Decision decide(PruningPolicy policy, Workload workload, MemoryBudget budget) {
    RetentionMask mask = policy.choose(workload, budget);
    double[] micros = new double[DECISIONS];
    for (int i = 0; i < DECISIONS; i++) {
      long start = System.nanoTime();
      policy.choose(workload, budget);
      micros[i] = (System.nanoTime() - start) / 1e3;
    }
    Arrays.sort(micros);
    return new Decision(mask, micros[DECISIONS / 2]);
  }
}
