package dev.rap.pruning;

import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import java.util.ArrayList;
import java.util.List;

/** The questions that an agent is trained for and compared on. */
public final class TrainingGrid {
  /** Budgets as shares of the dense model's bytes under the same workload. */
  public static final List<Double> SHARES = List.of(0.9, 0.8, 0.7, 0.6, 0.5);

  /** Sequences at once, b. */
  public static final List<Integer> SEQUENCES = List.of(1, 8, 32);

  /** Tokens of each, s. */
  public static final List<Integer> CONTEXT_LENGTHS = List.of(128, 512, 2048, 8192);

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
          Workload workload = new Workload(sequences, contextLength);
          MemoryBudget budget = budget(memory, workload, share);
          if (budget.admits(memory.smallestBytes(workload))) {
            questions.add(new Question(workload, share, budget));
          }
        }
      }
    }
    return List.copyOf(questions);
  }

  static MemoryBudget budget(MemoryModel memory, Workload workload, double share) {
    return new MemoryBudget(Math.max(1, (long) (share * memory.denseBytes(workload))));
  }
}
