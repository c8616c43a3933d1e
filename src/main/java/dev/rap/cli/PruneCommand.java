package dev.rap.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rap.Bytes;
import dev.rap.engine.LoadedModel;
import dev.rap.eval.PolicyComparison;
import dev.rap.eval.PolicyComparison.Decision;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.pruning.MaskFile;
import dev.rap.pruning.Policies;
import dev.rap.pruning.Profile;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rap prune}. */
@Command(
    name = "prune",
    description = "Decides what stays of a model under a memory budget. Does not run the model.",
    footer = {
      "",
      "Example: ./rap prune smollm2-135m --batch 8 --context 2048 --budget 80% --policy gsi -o mask.json"
    })
final class PruneCommand implements Callable<Integer> {
  private final Console console;

  @Mixin private ModelOptions models;
  @Mixin private WorkloadOptions workloads;
  @Mixin private ProfileOptions profiles;
  @Mixin private ReportOption report;

  @Option(
      names = "--budget",
      paramLabel = "X",
      required = true,
      description = "What weights, KV cache and workspace may take: 80%%, 1.2GB, 900MiB.")
  private String budget;

  @Option(
      names = "--policy",
      paramLabel = "NAME",
      description = "Who decides. Default: the best that the model's profile allows.")
  private String policy;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the random policy. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--compensate",
      description =
          "Let the mask name the profile, so that what is dropped is replaced by its mean.")
  private boolean compensate;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Where the mask goes, as JSON.")
  private Path output;

  PruneCommand(Console console) {
    this.console = console;
  }

  /**
   * The figures of {@code --json}.
   *
   * @param bytes that the mask needs
   * @param denseBytes that the whole model needs
   * @param decisionMicros median of several decisions
   * @param mask as in MASK.json
   */
  private record Figures(
      String policy,
      long budgetBytes,
      long bytes,
      long denseBytes,
      double decisionMicros,
      JsonNode mask) {}

  @Override
  public Integer call() {
    try (LoadedModel model = models.open(console)) {
      MemoryModel memory = model.memoryModel();
      Workload workload = workloads.workload();
      MemoryBudget bytes = MemoryBudget.parse(budget, memory.denseBytes(workload));
      Optional<Profile> profile =
          compensate ? Optional.of(profiles.require(model.file())) : profiles.find(model.file());
      String name = policy == null ? Policies.best(profile) : policy;
      Decision decision =
          PolicyComparison.decide(Policies.create(name, memory, profile, seed), workload, bytes);
      MaskFile file =
          new MaskFile(decision.mask(), profile.filter(p -> compensate).map(Profile::digest));
      if (output != null) {
        file.write(output);
      }
      Figures figures =
          new Figures(
              name,
              bytes.bytes(),
              memory.bytes(decision.mask(), workload),
              memory.denseBytes(workload),
              decision.micros(),
              file.toJson());
      report.print(
          console,
          figures,
          out -> {
            out.println(MaskPicture.of(decision.mask()));
            out.printf(
                Locale.ROOT,
                "%s: %s of %s, budget %s, decided in %.0f µs%n",
                name,
                Bytes.text(figures.bytes()),
                Bytes.text(figures.denseBytes()),
                Bytes.text(figures.budgetBytes()),
                figures.decisionMicros());
          });
    }
    return 0;
  }
}
