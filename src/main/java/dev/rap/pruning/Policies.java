package dev.rap.pruning;

import dev.rap.InputException;
import dev.rap.memory.MemoryModel;
import dev.rap.model.Sublayer.Kind;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/** Every policy by its name. */
public final class Policies {
  private static final List<String> NAMES =
      List.of("dense", "random", "mha-drop", "ffn-drop", "one-shot", "gsi", "gsi-per-byte", "dqn");

  private static final List<String> NEED_PROFILE =
      List.of("one-shot", "gsi", "gsi-per-byte", "dqn");

  private Policies() {}

  /** {@return all names, the simplest policy first} */
  public static List<String> names() {
    return NAMES;
  }

  /**
   * {@return names of the policies that can choose for a budget below the dense model, the simplest
   * first}
   */
  public static List<String> usable(Optional<Profile> profile) {
    return NAMES.stream()
        .filter(name -> !name.equals("dense"))
        .filter(name -> profile.isPresent() || !NEED_PROFILE.contains(name))
        .filter(name -> !name.equals("dqn") || profile.flatMap(Profile::agent).isPresent())
        .toList();
  }

  /** {@return the name of the best policy that can be had} */
  public static String best(Optional<Profile> profile) {
    return profile.isEmpty() ? "ffn-drop" : usable(profile).getLast();
  }

  /**
   * {@return the policy {@code name}}
   *
   * @param memory of the model that it will prune
   * @param profile of the same model
   * @param seed of the random policy
   * @throws InputException if there is no such policy, or the profile lacks what it needs
   */
  public static PruningPolicy create(
      String name, MemoryModel memory, Optional<Profile> profile, long seed) {
    return switch (name) {
      case "dense" -> new DensePolicy(memory);
      case "random" -> OrderPolicy.random(memory, new SplittableRandom(seed));
      case "mha-drop" -> OrderPolicy.lastOfKindFirst(name, memory, Kind.ATTENTION);
      case "ffn-drop" -> OrderPolicy.lastOfKindFirst(name, memory, Kind.FEED_FORWARD);
      case "one-shot" -> OrderPolicy.oneShot(memory, importances(name, memory, profile));
      case "gsi" -> OrderPolicy.gsi(memory, importances(name, memory, profile));
      case "gsi-per-byte" -> new GsiPerBytePolicy(memory, importances(name, memory, profile));
      case "dqn" -> dqn(memory, profile);
      default ->
          throw new InputException(
              "there is no policy '%s': choose one of %s"
                  .formatted(name, String.join(", ", NAMES)));
    };
  }

  private static Importances importances(
      String name, MemoryModel memory, Optional<Profile> profile) {
    Profile known =
        profile.orElseThrow(
            () ->
                new InputException(
                    "policy '%s' needs the model's profile: make it with './rap calibrate'"
                        .formatted(name)));
    if (known.sublayers() != memory.shape().sublayers()) {
      throw new IllegalArgumentException(
          "the profile has %d sublayers, the model %d"
              .formatted(known.sublayers(), memory.shape().sublayers()));
    }
    return new Importances(known);
  }

  private static PruningPolicy dqn(MemoryModel memory, Optional<Profile> profile) {
    StateEncoder encoder = new StateEncoder(importances("dqn", memory, profile));
    Agent agent =
        profile
            .flatMap(Profile::agent)
            .orElseThrow(
                () ->
                    new InputException(
                        "policy 'dqn' needs a trained agent in the model's profile: train it with './rap train'"));
    return new DqnPolicy(memory, encoder, agent.network());
  }
}
