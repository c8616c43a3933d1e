package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.InputException;
import dev.rap.engine.Engine;
import dev.rap.engine.LoadedModel;
import dev.rap.engine.ModelFile;
import dev.rap.memory.MemoryBudget;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.Workload;
import dev.rap.model.MeanInputs;
import dev.rap.model.RetentionMask;
import dev.rap.pruning.BudgetTooSmallException;
import dev.rap.pruning.MaskFile;
import dev.rap.pruning.Policies;
import dev.rap.pruning.Profile;
import dev.rap.pruning.PruningPolicy;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.ToIntFunction;
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

  @Option(
      names = "--compensate",
      description =
          "Replace what a budget drops by its mean, from the model's profile. A mask says itself"
              + " whether that is done.")
  private boolean compensate;

  @Mixin private ProfileOptions profiles;

  /**
   * What runs.
   *
   * @param means to add in place of what is dropped
   */
  record Choice(RetentionMask mask, Optional<MeanInputs> means) {
    /** Sets the mask, and gives back what it drops. */
    void apply(Engine engine) {
      engine.setMask(mask, means);
      if (!mask.isDense()) {
        engine.reclaim();
      }
    }
  }

  /**
   * {@return what the flags ask for; everything if they ask for nothing}
   *
   * @throws InputException if they contradict each other or the model
   */
  Choice choose(LoadedModel model, Workload workload) {
    if (maskFile != null && budget != null) {
      throw new InputException("--mask and --budget exclude each other: give one of them");
    }
    if (maskFile != null && compensate) {
      throw new InputException(
          "--mask and --compensate exclude each other: make the mask with './rap prune --compensate'");
    }
    if (maskFile != null) {
      MaskFile file = MaskFile.read(maskFile, model.config());
      Optional<Profile> profile = file.profile().flatMap(digest -> profiles.find(model.file()));
      file.requireProfile(profile);
      return new Choice(file.mask(), profile.map(Profile::means));
    }
    RetentionMask initial = model.backend().initialMask();
    if (budget == null || !initial.isDense()) { // what was pruned to fit had its budget
      return new Choice(initial, means(model.file()));
    }
    MemoryModel memory = model.memoryModel(initial.shape());
    MemoryBudget bytes = MemoryBudget.parse(budget, memory.denseBytes(workload));
    return new Choice(policy(model.file(), memory).choose(workload, bytes), means(model.file()));
  }

  /**
   * {@return what is to be added in place of what a budget drops}
   *
   * @throws InputException if the flags ask for it and there is no profile
   */
  Optional<MeanInputs> means(ModelFile file) {
    return compensate ? Optional.of(profiles.require(file).means()) : Optional.empty();
  }

  /**
   * {@return who chooses what is loaded of a model that the GPU has no room for; nobody, unless the
   * flags name a budget or a policy}
   *
   * @param context tokens of a sequence, given the model
   */
  Optional<ModelFit> fit(int sequences, ToIntFunction<ModelFile> context, Console console) {
    if (maskFile != null || (budget == null && policy == null)) {
      return Optional.empty();
    }
    return Optional.of(
        (file, memory, freeBytes) -> {
          Workload workload = new Workload(sequences, context.applyAsInt(file));
          long dense = memory.denseBytes(workload);
          long asked = budget == null ? dense : MemoryBudget.parse(budget, dense).bytes();
          RetentionMask mask;
          try {
            MemoryBudget fits = new MemoryBudget(Math.max(1, Math.min(asked, freeBytes)));
            mask = policy(file, memory).choose(workload, fits);
          } catch (BudgetTooSmallException e) {
            throw asked < freeBytes ? e : noRoom(file, freeBytes, e);
          }
          console
              .err()
              .printf(
                  "rap: %s takes %s with its KV cache, and the GPU has room for %s: what is loaded, %s, takes %s%n",
                  file.config().name(),
                  Bytes.text(dense),
                  Bytes.text(freeBytes),
                  mask,
                  Bytes.text(memory.bytes(mask, workload)));
          return mask;
        });
  }

  private static InputException noRoom(
      ModelFile file, long freeBytes, BudgetTooSmallException cause) {
    return new InputException(
        "%s cannot be pruned to fit: the GPU has room for %s, the smallest mask needs %s with its KV cache: close what uses the GPU, ask for fewer sequences or tokens, or take --backend cpu"
            .formatted(
                file.config().name(), Bytes.text(freeBytes), Bytes.text(cause.neededBytes())),
        cause);
  }

  /** {@return who chooses, for masks that {@code memory} counts} */
  PruningPolicy policy(ModelFile file, MemoryModel memory) {
    Optional<Profile> profile = profiles.find(file);
    String name = policy != null ? policy : Policies.best(profile);
    return Policies.create(name, memory, profile, policySeed);
  }

  /** {@return whether the flags ask for a mask} */
  boolean areGiven() {
    return maskFile != null || budget != null;
  }
}
