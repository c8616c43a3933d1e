package dev.rap.pruning;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import dev.rap.dqn.DqnConfig;
import dev.rap.dqn.QNetwork;
import dev.rap.model.MeanInputs;
import dev.rap.model.Sublayer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfileTest {
  private static final Profile PROFILE =
      Profiles.of(
          2.5,
          List.of(
              new GsiRound(1, List.of(3.0, 2.75, 3.5, 3.25)),
              new GsiRound(3, List.of(3.5, Double.NaN, 4.0, 3.3))),
          SyntheticLoss.gqaConfig(2));
  private static final DqnConfig CONFIG =
      new DqnConfig(
          10, 300, 1, 1, 0.003, 4, 100, 8, 2, 20, new DqnConfig.EpsilonSchedule(1, 0.05, 5), -42);

  private static Profile trained() {
    QNetwork network = QNetwork.random(StateEncoder.size(4), 4, 300, new SplittableRandom(9));
    return PROFILE.withAgent(
        new Agent(CONFIG, network, new Agent.Training(7, 10, 2, 0.125, 3.25, 3.5)),
        List.of(new MeasuredMask(List.of(0, 2), 4.5), new MeasuredMask(List.of(0, 1, 2, 3), 9.75)));
  }

  @TempDir Path folder;

  private String write(Profile profile) throws IOException {
    Path file = folder.resolve("m.rap");
    profile.write(file);
    return Files.readString(file);
  }

  private Profile read(String text) throws IOException {
    Path file = folder.resolve("x.rap");
    Files.writeString(file, text);
    return Profile.read(file);
  }

  private String refusal(String text) {
    InputException e = assertThrows(InputException.class, () -> read(text));
    assertFalse(e.getMessage().contains("\n"), e.getMessage());
    return e.getMessage();
  }

  @Test
  void comesBackAsItWasWritten() throws IOException {
    assertEquals(PROFILE, read(write(PROFILE)));
    Profile trained = trained();
    Profile again = read(write(trained));
    assertEquals(trained.measured(), again.measured());
    Agent agent = again.agent().orElseThrow();
    assertEquals(CONFIG, agent.config());
    assertEquals(trained.agent().orElseThrow().training(), agent.training());
    assertArrayEquals(
        trained.agent().orElseThrow().network().parameters(), agent.network().parameters());
    assertEquals(1024, again.means().of(Sublayer.of(3)).length);
    assertEquals(0.5f, again.means().of(Sublayer.of(3))[0]);
    try (var files = Files.list(folder)) {
      assertTrue(files.noneMatch(file -> file.toString().endsWith(".part")));
    }
  }

  // 1.5f is 3fc00000: little-endian 00 00 c0 3f, in base64 AADAPw==.
  @Test
  void floatsAreLittleEndianSinglesInBase64() throws IOException {
    Profile profile =
        new Profile(
            "f",
            "n",
            "c",
            1,
            2.5,
            List.of(new GsiRound(0, List.of(3.0, 4.0))),
            new MeanInputs(new float[][] {{1.5f}, {1.5f}}),
            List.of(),
            java.util.Optional.empty());
    assertTrue(write(profile).contains("\"means\":[\"AADAPw==\",\"AADAPw==\"]"));
  }

  @Test
  void digestLeavesOutTheAgentAndWhatItsTrainingMeasured() throws IOException {
    assertEquals(PROFILE.digest(), trained().digest());
    assertEquals(PROFILE.digest(), read(write(trained())).digest());
    assertEquals(64, PROFILE.digest().length());
    assertNotEquals(
        PROFILE.digest(),
        read(write(PROFILE).replace("\"denseLoss\":2.5", "\"denseLoss\":2.6")).digest());
    assertNotEquals(PROFILE.digest(), read(write(PROFILE).replace("3.25", "3.26")).digest());
  }

  @Test
  void refusesAStaleOrForeignProfile() {
    PROFILE.requireFor("ab".repeat(32), SyntheticLoss.gqaConfig(2));
    assertEquals(
        "the profile was made for 'synthetic' with fingerprint abababababab..., but the model's is"
            + " 0123: make a new one with './rap calibrate'",
        assertThrows(
                InputException.class, () -> PROFILE.requireFor("0123", SyntheticLoss.gqaConfig(2)))
            .getMessage());
    assertTrue(
        assertThrows(
                InputException.class,
                () -> PROFILE.requireFor("ab".repeat(32), SyntheticLoss.gqaConfig(3)))
            .getMessage()
            .contains("whose sublayers are not those of"));
  }

  @Test
  void refusesWhatIsDamagedAndSaysWhere() throws IOException {
    String good = write(trained());
    assertRefused(good, "\"version\":1", "\"version\":2", "version must be 1, was 2");
    assertRefused(good, "rap-profile", "other", "format must be rap-profile");
    assertRefused(
        good, "\"denseLoss\"", "\"loss\"", "denseLoss must be a finite number, was nothing");
    assertRefused(
        good, "\"tokens\":4096", "\"tokens\":1e99", "calibration.tokens must be a whole number");
    assertRefused(
        good, "\"removed\":1,", "\"removed\":7,", "removed must be one of the 4 sublayers");
    assertRefused(
        good, "3.0,2.75,3.5,3.25", "3.0,2.75,3.5", "gsi[0].losses must have 4 values, had 3");
    assertRefused(good, "3.5,null,4.0", "3.5,1.0,4.0", "gsi[1].losses[1] must be null");
    assertRefused(
        good, "3.0,2.75", "3.0,\"a\"", "gsi[0].losses[1] must be a finite number, was \"a\"");
    assertRefused(good, "3.0,2.75", "1e999,2.75", "gsi[0].losses[0] must be a finite number");
    assertRefused(good, "\"measured\":[", "\"more\":1,\"measured\":[", "more is not known here");
    assertRefused(
        good, "\"measured\":[", "\"denseLoss\":1,\"measured\":[", "Duplicate field 'denseLoss'");
    assertRefused(good, "[0,2]", "[2,0]", "removed must ascend");
    assertRefused(good, "[0,1,2,3]", "[0,1,2,4]", "a measured mask removes sublayer 4 of 4");
    assertRefused(good, "\"batchSize\":4,", "", "agent.config: ");
    assertRefused(
        good, "\"batchSize\":4,", "\"batchSize\":9,", "need 1 <= batchSize <= learningStarts");
    assertRefused(good, "\"outputs\":4", "\"outputs\":5", "a network of ");
    assertRefused(good, "\"outputs\":4", "\"outputs\":2147483647", "must be in 1 to 1048576");
    assertRefused(good, "\"means\":[\"", "\"means\":[\":", "means[0] must be floats in base64");
    assertRefused(good, "\"means\":[\"", "\"means\":[\"AAAA\",\"", "means[0] must be whole floats");
    assertTrue(refusal("").contains("the file must be an object"));
    assertTrue(refusal("[1]").contains("the file must be an object, was [1]"));
    assertTrue(refusal("[".repeat(100_000)).contains("nesting depth"));
    assertTrue(refusal(good + "x").contains("line 1"));
  }

  private void assertRefused(String good, String part, String other, String expected) {
    assertTrue(good.contains(part), part);
    String message = refusal(good.replace(part, other));
    assertTrue(message.contains(expected), message);
    assertTrue(message.endsWith("; make a new one with './rap calibrate'"), message);
  }

  @Test
  void refusesWhatIsNoFile() {
    assertTrue(
        assertThrows(InputException.class, () -> Profile.read(folder))
            .getMessage()
            .endsWith("cannot be read: it is a directory"));
    assertTrue(
        assertThrows(InputException.class, () -> Profile.read(folder.resolve("none.rap")))
            .getMessage()
            .endsWith("cannot be read: there is no such file"));
  }

  @Test
  void aFailedWriteLeavesTheOldFileAndNoPart() throws IOException {
    Path target = Files.createDirectory(folder.resolve("full"));
    Files.writeString(target.resolve("inside"), "kept");
    assertThrows(InputException.class, () -> PROFILE.write(target)); // a folder is in the way
    assertEquals("kept", Files.readString(target.resolve("inside")));
    assertFalse(Files.exists(folder.resolve("full.part")));
    assertTrue(
        assertThrows(InputException.class, () -> PROFILE.write(folder.resolve("no/m.rap")))
            .getMessage()
            .endsWith("cannot be written: there is no such folder"));
  }

  @Test
  void everyTruncationIsRefused() throws IOException {
    byte[] good = write(trained()).getBytes(StandardCharsets.UTF_8);
    Path file = folder.resolve("t.rap");
    for (int length = 0; length < good.length; length += 1 + length / 97) {
      Files.write(file, Arrays.copyOf(good, length));
      assertThrows(InputException.class, () -> Profile.read(file));
    }
  }

  @Test
  void noMutationDoesWorseThanARefusal() throws IOException {
    byte[] good = write(trained()).getBytes(StandardCharsets.UTF_8);
    String interesting = "\"{}[],:-0919eE.nulltrue\\\0";
    SplittableRandom random = new SplittableRandom(2024);
    Path file = folder.resolve("f.rap");
    int refused = 0;
    for (int trial = 0; trial < 1500; trial++) {
      byte[] bad = good.clone();
      for (int changes = random.nextInt(1, 4); changes > 0; changes--) {
        int at = random.nextInt(bad.length);
        int kind = random.nextInt(3);
        if (kind == 0) {
          bad[at] = (byte) random.nextInt(256);
        } else if (kind == 1) {
          bad[at] = (byte) interesting.charAt(random.nextInt(interesting.length()));
        } else {
          int end = Math.min(bad.length, at + random.nextInt(1, 40));
          byte[] shorter = Arrays.copyOf(bad, bad.length - (end - at));
          System.arraycopy(bad, end, shorter, at, bad.length - end);
          bad = shorter;
        }
      }
      Files.write(file, bad);
      try {
        Profile.read(file).digest();
      } catch (InputException e) {
        refused++;
        assertFalse(e.getMessage().contains("\n"), e.getMessage());
      }
    }
    assertTrue(refused > 500, "only " + refused + " were refused");
  }
}
