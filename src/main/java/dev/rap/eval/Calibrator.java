package dev.rap.eval;

import dev.rap.engine.LoadedModel;
import dev.rap.engine.ModelRunner;
import dev.rap.memory.MemoryModel;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.pruning.GsiRound;
import dev.rap.pruning.Profile;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.DoubleConsumer;

/**
 * Greedy Sequential Importance: takes out the sublayer whose absence raises the loss least,
 * measures the others again, and so on until nothing is left.
 *
 * <p>Differs from the paper in one thing only: what comes before a candidate is computed once a
 * round, since the candidates share it.
 *
 * @see <a href="https://arxiv.org/abs/2505.17138">RAP</a>
 */
public final class Calibrator {
  private final LoadedModel model;
  private final List<int[]> windows;
  private final String textDigest;
  private final Consumer<Profile> roundDone;
  private final DoubleConsumer progress;
  private final int sublayers;
  private final long scored;

  /**
   * @param windows of equal length, each at most {@link MemoryModel#STEP_TOKENS} tokens
   * @param textDigest SHA-256 of the calibration text and how it was cut, hex
   * @param roundDone is given the profile so far after each round: keep it to resume from
   * @param progress is told the share done, in (0, 1]
   */
  public Calibrator(
      LoadedModel model,
      List<int[]> windows,
      String textDigest,
      Consumer<Profile> roundDone,
      DoubleConsumer progress) {
    this.model = model;
    this.windows = List.copyOf(windows);
    this.textDigest = textDigest;
    this.roundDone = roundDone;
    this.progress = progress;
    this.sublayers = 2 * model.config().layers();
    this.scored = windows.size() * (windows.getFirst().length - 1L);
  }

  /** {@return whether {@code begun} can be gone on with: the same model, text and version} */
  public boolean canResume(Profile begun) {
    return begun.modelFingerprint().equals(model.fingerprint())
        && begun.calibrationDigest().equals(textDigest)
        && begun.means().fit(model.config());
  }

  /**
   * {@return the profile}
   *
   * @param begun what an earlier run got to, see {@link #canResume}
   */
  public Profile calibrate(Optional<Profile> begun) {
    int tokens = windows.getFirst().length;
    try (ModelRunner runner = model.newWindowRunner(tokens);
        WindowLosses losses = new WindowLosses(runner, tokens)) {
      Profile profile = begun.orElseGet(() -> dense(losses));
      while (profile.gsi().size() < sublayers) {
        profile = withRound(profile, round(losses, profile.gsi()));
        roundDone.accept(profile);
      }
      return profile;
    }
  }

  // A profile has at least one round, so the dense pass and the first round go together.
  private Profile dense(WindowLosses losses) {
    ModelConfig config = model.config();
    List<double[]> sums = new ArrayList<>();
    for (int i = 0; i < sublayers; i++) {
      sums.add(new double[config.projectionInputSize(Sublayer.of(i).kind())]);
    }
    double nll = 0;
    for (int[] window : windows) {
      nll += losses.dense(window, sums);
    }
    Profile profile =
        new Profile(
            model.fingerprint(),
            config.name(),
            textDigest,
            scored + windows.size(),
            nll / scored,
            List.of(round(losses, List.of())),
            means(sums),
            List.of(),
            Optional.empty());
    roundDone.accept(profile);
    return profile;
  }

  private MeanInputs means(List<double[]> sums) {
    float[][] means = new float[sublayers][];
    for (int i = 0; i < sublayers; i++) {
      double[] sum = sums.get(i);
      means[i] = new float[sum.length];
      for (int c = 0; c < sum.length; c++) {
        means[i][c] = (float) (sum[c] / (scored + windows.size()));
      }
    }
    return new MeanInputs(means);
  }

  private GsiRound round(WindowLosses losses, List<GsiRound> before) {
    RetentionMask mask = RetentionMask.dense(model.config().maskShape());
    for (GsiRound round : before) {
      mask = mask.without(Sublayer.of(round.removed()));
    }
    double[] sums = new double[sublayers];
    for (int w = 0; w < windows.size(); w++) {
      losses.addCandidates(windows.get(w), mask, sums);
      progress.accept(shareDone(before.size(), (w + 1.0) / windows.size()));
    }
    List<Double> candidates = new ArrayList<>();
    int best = -1;
    for (int i = 0; i < sublayers; i++) {
      boolean candidate = mask.retains(Sublayer.of(i));
      candidates.add(candidate ? sums[i] / scored : Double.NaN);
      if (candidate && (best < 0 || sums[i] < sums[best])) {
        best = i;
      }
    }
    return new GsiRound(best, candidates);
  }

  // A round over n sublayers runs about n * n / 2 of them, and n times the output projection.
  private double shareDone(int rounds, double ofRound) {
    double done = 0;
    double all = 0;
    for (int r = 0; r < sublayers; r++) {
      double left = sublayers - r;
      double cost = left * left / 2 + left;
      all += cost;
      done += r < rounds ? cost : r == rounds ? cost * ofRound : 0;
    }
    return done / all;
  }

  private static Profile withRound(Profile profile, GsiRound round) {
    List<GsiRound> rounds = new ArrayList<>(profile.gsi());
    rounds.add(round);
    return new Profile(
        profile.modelFingerprint(),
        profile.modelName(),
        profile.calibrationDigest(),
        profile.calibrationTokens(),
        profile.denseLoss(),
        rounds,
        profile.means(),
        profile.measured(),
        profile.agent());
  }
}
