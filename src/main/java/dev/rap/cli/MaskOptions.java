package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.engine.LoadedModel;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.MeanInputs;
import dev.rap.model.RetentionMask;
import dev.rap.pruning.MaskFile;
import dev.rap.pruning.Policies;
import dev.rap.pruning.Profile;
import dev.rap.pruning.PruningPolicy;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How much of the model runs: a mask from a file, or one that a policy chooses for a budget. */
final class MaskOptions {
  @Option(
      names = "--mask",
      paramLabel = "FILE",
      description = "A mask, as './rap prune -o FILE' writes it.")
  private Path maskFile;

  @Option(
      names = "--budget",
      paramLabel = "X",
      description =
          "What weights, KV cache and workspace may take: 80%%, 1.2GB, 900MiB. Default: all.")
  private String budget;

  @Option(
      names = "--policy",
      paramLabel = "NAME",
      description =
          "Who chooses the mask for the budget: dense, random, mha-drop, ffn-drop, one-shot, gsi,"
              + " gsi-per-byte, dqn. Default: the best that the model's profile allows.")
  private String policy;

  @Option(
      names = "--seed-policy",
      paramLabel = "N",
      description = "Seed of the random policy. Default: ${DEFAULT-VALUE}.")
  private long policySeed;

  @Mixin private ProfileOptions profiles;

  /**
   * What runs.
   *
   * @param means to add in place of what is dropped
   */
  record Choice(RetentionMask mask, Optional<MeanInputs> means) {}

  /**
   * {@return what the flags ask for; everything if they ask for nothing}
   *
   * @throws InputException if they contradict each other or the model
   */
  Choice choose(LoadedModel model, Workload workload) {
    if (maskFile != null && budget != null) {
      throw new InputException("--mask and --budget exclude each other: give one of them");
    }
    if (maskFile != null) {
      MaskFile file = MaskFile.read(maskFile, model.config());
      Optional<Profile> profile = file.profile().flatMap(digest -> profiles.find(model));
      file.requireProfile(profile);
      return new Choice(file.mask(), profile.map(Profile::means));
    }
    RetentionMask dense = RetentionMask.dense(model.config().maskShape());
    if (budget == null) {
      return new Choice(dense, Optional.empty());
    }
    MemoryModel memory = model.memoryModel(dense.shape());
    MemoryBudget bytes = MemoryBudget.parse(budget, memory.denseBytes(workload));
    return new Choice(policy(model, memory).choose(workload, bytes), Optional.empty());
  }

  /** {@return who chooses, for masks that {@code memory} counts} */
  PruningPolicy policy(LoadedModel model, MemoryModel memory) {
    Optional<Profile> profile = profiles.find(model);
    String name = policy != null ? policy : Policies.best(profile);
    return Policies.create(name, memory, profile, policySeed);
  }

  /** {@return whether the flags ask for a mask} */
  boolean areGiven() {
    return maskFile != null || budget != null;
  }
}
