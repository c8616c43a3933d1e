package dev.rap.pruning;

import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;

/** The questions that an agent is trained for and compared on. */
public final class TrainingGrid {
  /** Budgets as shares of the dense model's bytes under the same workload. */
  public static final List<Double> SHARES = List.of(0.9, 0.8, 0.7, 0.6, 0.5);

  /** Sequences at once, b. */
  public static final List<Integer> SEQUENCES = List.of(1, 8, 32);

  /** Tokens of each, s. */
  public static final List<Integer> CONTEXT_LENGTHS = List.of(128, 512, 2048, 8192);

  // A little beyond the grid's least, so that the grid's edge is not the edge of what was learnt.
  private static final double LEAST_SHARE = 0.48;

  private TrainingGrid() {}

  /**
   * A question to a policy.
   *
   * @param share the budget / bytes of the dense model
   */
  public record Question(Workload workload, double share, MemoryBudget budget) {}

  /** {@return every combination that some mask fits} */
  public static List<Question> questions(MemoryModel memory) {
    List<Question> questions = new ArrayList<>();
    for (double share : SHARES) {
      for (int sequences : SEQUENCES) {
        for (int contextLength : CONTEXT_LENGTHS) {
          question(memory, new Workload(sequences, contextLength), share).ifPresent(questions::add);
        }
      }
    }
    return List.copyOf(questions);
  }

  /**
   * {@return any workload of the grid with a budget of any share that its budgets span}
   *
   * @throws IllegalStateException if no mask fits even 90 % at any of them
   */
  static Question anyQuestion(MemoryModel memory, RandomGenerator random) {
    for (int attempt = 0; attempt < 10_000; attempt++) {
      Workload workload = new Workload(any(SEQUENCES, random), any(CONTEXT_LENGTHS, random));
      double share = random.nextDouble(LEAST_SHARE, 1);
      Optional<Question> question = question(memory, workload, share);
      if (question.isPresent()) {
        return question.get();
      }
    }
    throw new IllegalStateException("no mask fits any budget of the grid");
  }

  private static int any(List<Integer> values, RandomGenerator random) {
    return values.get(random.nextInt(values.size()));
  }

  private static Optional<Question> question(MemoryModel memory, Workload workload, double share) {
    MemoryBudget budget = MemoryBudget.share(share, memory.denseBytes(workload));
    return budget.admits(memory.smallestBytes(workload))
        ? Optional.of(new Question(workload, share, budget))
        : Optional.empty();
  }
}
