package dev.rap.pruning;

import dev.rap.InputException;
import dev.rap.Sha256;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.Sublayer;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/**
 * What is measured of a model once, so that whoever decides at run time need not run it.
 *
 * @param modelFingerprint of the model file, hex
 * @param modelName for people
 * @param calibrationDigest SHA-256 of the calibration text, hex
 * @param calibrationTokens tokens of it
 * @param denseLoss mean loss of the dense model on it, nats a token
 * @param gsi the rounds of Greedy Sequential Importance in their order, at least one. The losses of
 *     the first less {@code denseLoss} are the one-shot importances
 * @param means mean inputs of the output projections
 * @param measured further masks that training had measured
 * @param agent once trained
 */
public record Profile(
    String modelFingerprint,
    String modelName,
    String calibrationDigest,
    long calibrationTokens,
    double denseLoss,
    List<GsiRound> gsi,
    MeanInputs means,
    List<MeasuredMask> measured,
    Optional<Agent> agent) {

  public Profile {
    gsi = List.copyOf(gsi);
    measured = List.copyOf(measured);
    if (calibrationTokens < 1 || !Double.isFinite(denseLoss)) {
      throw new IllegalArgumentException(
          "calibrationTokens must be positive and denseLoss finite, were %d and %s"
              .formatted(calibrationTokens, denseLoss));
    }
    int sublayers = means.sublayers();
    if (sublayers < 2 || sublayers % 2 != 0) {
      throw new IllegalArgumentException(
          "means must be those of two sublayers a layer, were " + sublayers);
    }
    validate(gsi, sublayers);
    for (MeasuredMask mask : measured) {
      if (!mask.removed().isEmpty() && mask.removed().getLast() >= sublayers) {
        throw new IllegalArgumentException(
            "a measured mask removes sublayer %d of %d"
                .formatted(mask.removed().getLast(), sublayers));
      }
    }
    if (agent.isPresent()
        && (agent.get().network().inputs() != StateEncoder.size(sublayers)
            || agent.get().network().outputs() != sublayers)) {
      throw new IllegalArgumentException(
          "the agent must have %d inputs and %d outputs, has %d and %d"
              .formatted(
                  StateEncoder.size(sublayers),
                  sublayers,
                  agent.get().network().inputs(),
                  agent.get().network().outputs()));
    }
  }

  private static void validate(List<GsiRound> gsi, int sublayers) {
    if (gsi.isEmpty()) {
      throw new IllegalArgumentException("gsi must have at least one round");
    }
    BitSet gone = new BitSet();
    for (int r = 0; r < gsi.size(); r++) {
      GsiRound round = gsi.get(r);
      if (round.losses().size() != sublayers) {
        throw new IllegalArgumentException(
            "gsi[%d].losses must have %d values, had %d"
                .formatted(r, sublayers, round.losses().size()));
      }
      for (int i = 0; i < sublayers; i++) {
        if (gone.get(i) != round.losses().get(i).isNaN()) {
          throw new IllegalArgumentException(
              "gsi[%d].losses[%d] must be %s"
                  .formatted(r, i, gone.get(i) ? "null, since it was removed before" : "a number"));
        }
      }
      gone.set(round.removed());
    }
  }

  /** {@return sublayers of the model, 2L} */
  public int sublayers() {
    return means.sublayers();
  }

  /** {@return this profile with what a training brought} */
  public Profile withAgent(Agent trained, List<MeasuredMask> nowMeasured) {
    return new Profile(
        modelFingerprint,
        modelName,
        calibrationDigest,
        calibrationTokens,
        denseLoss,
        gsi,
        means,
        nowMeasured,
        Optional.of(trained));
  }

  /**
   * {@return SHA-256 of what was calibrated, hex}
   *
   * <p>The agent and the masks that its training had measured are left out, so that masks which
   * name this profile stay valid when the agent is trained again.
   */
  public String digest() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      for (String text : List.of(modelFingerprint, modelName, calibrationDigest)) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(utf8.length);
        out.write(utf8);
      }
      out.writeLong(calibrationTokens);
      out.writeDouble(denseLoss);
      out.writeInt(sublayers());
      out.writeInt(gsi.size());
      for (GsiRound round : gsi) {
        out.writeInt(round.removed());
        for (double loss : round.losses()) {
          out.writeDouble(loss);
        }
      }
      for (int i = 0; i < sublayers(); i++) {
        float[] mean = means.of(Sublayer.of(i));
        out.writeInt(mean.length);
        for (float value : mean) {
          out.writeFloat(value);
        }
      }
      return Sha256.of(bytes.toByteArray());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Refuses a profile of another model, or of an earlier state of this one.
   *
   * @throws InputException if it is one
   */
  public void requireFor(String fingerprint, ModelConfig config) {
    if (!means.fit(config)) {
      throw new InputException(
          "the profile is of the model '%s', whose sublayers are not those of '%s': make one with './rap calibrate'"
              .formatted(modelName, config.name()));
    }
    if (!modelFingerprint.equals(fingerprint)) {
      throw new InputException(
          "the profile was made for '%s' with fingerprint %s, but the model's is %s: make a new one with './rap calibrate'"
              .formatted(modelName, brief(modelFingerprint), brief(fingerprint)));
    }
  }

  private static String brief(String hex) {
    return hex.length() > 12 ? hex.substring(0, 12) + "..." : hex;
  }

  /**
   * {@return the profile in {@code file}}
   *
   * @throws InputException if there is none, or it is damaged
   */
  public static Profile read(Path file) {
    return ProfileFile.read(file);
  }

  /**
   * Writes the profile: whole, or not at all.
   *
   * @throws InputException if it cannot be written
   */
  public void write(Path file) {
    ProfileFile.write(this, file);
  }
}
