package dev.rap.pruning;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Sublayer.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MaskFileTest {
  // Two layers of 3 head groups and 1024 channels: 8 blocks of 128.
  private static final ModelConfig CONFIG = SyntheticLoss.gqaConfig(2);
  private static final String TEXT =
      "{\"channelBlockSize\":128,\"profile\":null,\"layers\":["
          + "{\"headGroups\":[0,2],\"channelBlocks\":[0,1,5]},"
          + "{\"headGroups\":\"all\",\"channelBlocks\":\"none\"}]}";

  @TempDir Path folder;

  private MaskFile read(String text) throws IOException {
    Path file = folder.resolve("mask.json");
    Files.writeString(file, text);
    return MaskFile.read(file, CONFIG);
  }

  private static BitSet units(int... units) {
    BitSet set = new BitSet();
    for (int unit : units) {
      set.set(unit);
    }
    return set;
  }

  @Test
  void readsWhatIsKept() throws IOException {
    RetentionMask expected =
        RetentionMask.dense(CONFIG.maskShape(128))
            .with(new Sublayer(0, Kind.ATTENTION), units(0, 2))
            .with(new Sublayer(0, Kind.FEED_FORWARD), units(0, 1, 5))
            .without(new Sublayer(1, Kind.FEED_FORWARD));
    assertEquals(new MaskFile(expected, Optional.empty()), read(TEXT));
  }

  @Test
  void writesTheSameForm() throws IOException {
    Path file = folder.resolve("out.json");
    read(TEXT).write(file);
    assertEquals(TEXT, Files.readString(file));
  }

  @Test
  void blockSizeIsTheFiles() throws IOException {
    MaskFile mask = read(TEXT.replace("128", "512").replace("[0,1,5]", "[1]"));
    assertEquals(2, mask.mask().shape().channelBlocks());
  }

  @Test
  void namesTheProfileThatItGoesWith() throws IOException {
    Profile profile = Profiles.of(1, List.of(new GsiRound(0, List.of(1.5, 2.0, 2.0, 2.0))), CONFIG);
    MaskFile free = read(TEXT);
    free.requireProfile(Optional.empty());
    free.requireProfile(Optional.of(profile));
    MaskFile bound = read(TEXT.replace("null", "\"" + profile.digest() + "\""));
    bound.requireProfile(Optional.of(profile));
    assertTrue(
        assertThrows(InputException.class, () -> bound.requireProfile(Optional.empty()))
            .getMessage()
            .contains("but the model has none"));
    MaskFile foreign = read(TEXT.replace("null", "\"beef\""));
    assertTrue(
        assertThrows(InputException.class, () -> foreign.requireProfile(Optional.of(profile)))
            .getMessage()
            .startsWith(
                "the mask goes with the profile of digest beef, but the model's has digest"));
  }

  @Test
  void refusesWhatIsNoMaskOfThisModel() {
    assertRefused(
        "\"all\"", "\"some\"", "layers[1].headGroups must be \"all\", \"none\" or an array");
    assertRefused("[0,2]", "[0,3]", "layers[0].headGroups names 3, but the model has 0 to 2");
    assertRefused("[0,2]", "[-1]", "layers[0].headGroups names -1");
    assertRefused(
        "[0,1,5]", "[0,1,8]", "layers[0].channelBlocks names 8, but the model has 0 to 7");
    assertRefused("[0,1,5]", "[5,1,5]", "layers[0].channelBlocks names 5 twice");
    assertRefused("[0,1,5]", "[0.5]", "layers[0].channelBlocks[0] must be a whole number, was 0.5");
    assertRefused("[0,1,5]", "[99999999999]", "must be a whole number");
    assertRefused("128", "100", "channelBlockSize must be a positive multiple of 32, was 100");
    assertRefused("128", "null", "channelBlockSize must be a whole number, was null");
    assertRefused("\"profile\":null,", "", "profile must be a text, was nothing");
    assertRefused("\"headGroups\":\"all\",", "", "layers[1].headGroups must be");
    assertRefused(
        "\"headGroups\":\"all\"", "\"headGroups\":\"all\",\"x\":1", "layers[1].x is not known");
    assertRefused("\"profile\"", "\"y\":1,\"profile\"", "y is not known here");
    assertRefused(
        ",{\"headGroups\":\"all\",\"channelBlocks\":\"none\"}",
        "",
        "layers must have the 2 of the model 'synthetic', had 1");
  }

  private void assertRefused(String part, String other, String expected) {
    assertTrue(TEXT.contains(part), part);
    String message =
        assertThrows(InputException.class, () -> read(TEXT.replace(part, other))).getMessage();
    assertTrue(message.contains(expected), message);
    assertFalse(message.contains("\n"), message);
  }
}
