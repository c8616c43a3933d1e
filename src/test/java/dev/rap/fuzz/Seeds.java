package dev.rap.fuzz;

import dev.rap.checkpoint.GgufFiles;
import dev.rap.checkpoint.HuggingFaceFolders;
import dev.rap.dqn.DqnConfig;
import dev.rap.dqn.QNetwork;
import dev.rap.model.MaskShape;
import dev.rap.model.MeanInputs;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.pruning.Agent;
import dev.rap.pruning.GsiRound;
import dev.rap.pruning.MaskFile;
import dev.rap.pruning.MeasuredMask;
import dev.rap.pruning.Profile;
import dev.rap.tensor.DType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/** Sound files, from which a fuzzer starts. */
final class Seeds {
  private static final List<String> TOKENIZERS =
      List.of("gpt2", "llama-bpe", "qwen2", "smollm", "variants");

  private static final List<String> TEMPLATES =
      List.of("bars", "chatml", "chatml-tools", "headers-tools", "plain-roles", "typed-tools");

  private Seeds() {}

  /** Writes the sound files of a target: its name and a folder are {@code args}. */
  public static void main(String[] args) throws IOException {
    write(FuzzTarget.valueOf(args[0]), Path.of(args[1]));
  }

  /** Puts into {@code folder} what a target's file has beside it. */
  static void surroundings(Path folder) throws IOException {
    HuggingFaceFolders.write(folder, FuzzTarget.MODEL.with(DType.BF16));
    HuggingFaceFolders.writeByteTokenizer(folder, 260);
    // They name a token that other tokenizers lack.
    Files.delete(folder.resolve("tokenizer_config.json"));
    Files.delete(folder.resolve("generation_config.json"));
  }

  /** Puts sound files of {@code target} into {@code folder}. */
  static void write(FuzzTarget target, Path folder) throws IOException {
    Path file = folder.resolve(target.file());
    switch (target) {
      case GGUF -> {
        GgufFiles.write(file, FuzzTarget.MODEL.with(DType.Q4_1));
        GgufFiles.write(
            folder.resolve("bytes.gguf"),
            FuzzTarget.MODEL.with(DType.F16),
            writer -> writer.byteTokenizer(260));
      }
      case SAFETENSORS, CONFIG -> keepOnly(file, folder);
      case TOKENIZER -> {
        keepOnly(file, folder);
        for (String name : TOKENIZERS) {
          copy("/dev/rap/tokenizer/" + name + ".tokenizer.json", folder.resolve(name + ".json"));
        }
      }
      case TEMPLATE -> {
        for (String name : TEMPLATES) {
          copy("/dev/rap/template/chat/" + name + ".jinja", folder.resolve(name));
        }
      }
      case MASK -> mask().write(file);
      case PROFILE -> profile().write(file);
    }
  }

  private static void keepOnly(Path file, Path folder) throws IOException {
    Path whole = Files.createDirectory(folder.resolve("whole"));
    surroundings(whole);
    Files.move(whole.resolve(file.getFileName()), file);
    try (var others = Files.list(whole)) {
      for (Path other : others.toList()) {
        Files.delete(other);
      }
    }
    Files.delete(whole);
  }

  private static void copy(String resource, Path file) throws IOException {
    try (InputStream in = Seeds.class.getResourceAsStream(resource)) {
      Files.copy(in, file);
    }
  }

  private static MaskFile mask() {
    MaskShape shape = FuzzTarget.MODEL.config().maskShape(32);
    BitSet second = new BitSet();
    second.set(1);
    RetentionMask mask =
        RetentionMask.dense(shape)
            .with(new Sublayer(0, Sublayer.Kind.ATTENTION), new BitSet())
            .with(new Sublayer(0, Sublayer.Kind.FEED_FORWARD), second);
    return new MaskFile(mask, Optional.of("ab".repeat(32)));
  }

  private static Profile profile() {
    int inputs = 11;
    Agent agent =
        new Agent(
            new DqnConfig(
                1, 20, 1, 1, 1e-3, 1, 1, 1, 1, 1, new DqnConfig.EpsilonSchedule(1, 0, 1), 0),
            new QNetwork(inputs, 1, 2, new float[(int) QNetwork.parameterCount(inputs, 1, 2)]),
            new Agent.Training(1, 2, 1, Double.NaN, 4, 4.5));
    return new Profile(
        "ab".repeat(32),
        "fuzz",
        "cd".repeat(32),
        4096,
        3.5,
        List.of(new GsiRound(1, List.of(4.5, 4.0)), new GsiRound(0, List.of(5.0, Double.NaN))),
        new MeanInputs(new float[][] {new float[32], new float[64]}),
        List.of(new MeasuredMask(List.of(1), 4.0)),
        Optional.of(agent));
  }
}
