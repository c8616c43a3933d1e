package dev.rap.fuzz;

import dev.rap.InputException;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.RandomLlama;
import dev.rap.model.ModelConfig;
import dev.rap.model.WeightsLoader;
import dev.rap.pruning.MaskFile;
import dev.rap.pruning.Profile;
import dev.rap.tensor.Tensor;
import dev.rap.tokenizer.ChatTemplate;
import dev.rap.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32;

/**
 * A kind of file that comes from somebody else. Whatever its bytes are, it is read, or refused in
 * one sentence.
 */
enum FuzzTarget {
  GGUF("model.gguf") {
    @Override
    void use(Path folder) {
      readModel(folder.resolve(file()));
    }
  },
  SAFETENSORS("model.safetensors") {
    @Override
    void use(Path folder) {
      readModel(folder);
    }
  },
  CONFIG("config.json") {
    @Override
    void use(Path folder) {
      readModel(folder);
    }
  },
  TOKENIZER("tokenizer.json") {
    @Override
    void use(Path folder) {
      try (Checkpoint checkpoint = Checkpoint.open(folder)) {
        tokenize(checkpoint);
      }
    }
  },
  TEMPLATE("chat_template.jinja") {
    @Override
    void use(Path folder) {
      try (Checkpoint checkpoint = Checkpoint.open(folder)) {
        ChatTemplate.of(Tokenizer.of(checkpoint), "the model").orElseThrow().prompt(TALK);
      }
    }
  },
  MASK("mask.json") {
    @Override
    void use(Path folder) {
      MaskFile.read(folder.resolve(file()), MODEL.config()).toJson();
    }
  },
  PROFILE("model.rap") {
    @Override
    void use(Path folder) {
      Profile profile = Profile.read(folder.resolve(file()));
      profile.digest();
      profile.requireFor(profile.modelFingerprint(), MODEL.config());
    }
  };

  /** One layer, so that headers are a good part of the files. */
  static final RandomLlama MODEL = RandomLlama.tiny().with(config());

  private static final int LONGEST_SENTENCE = 1000;
  private static final String TEXT = "It's 137 <|im_end|> <s>\n\n  \u00e9\ud83d\ude00\ud800 [MASK]";

  private static final List<ChatTemplate.Message> TALK =
      List.of(
          new ChatTemplate.Message(ChatTemplate.Role.SYSTEM, "Be brief."),
          new ChatTemplate.Message(ChatTemplate.Role.USER, TEXT));

  private final String file;

  FuzzTarget(String file) {
    this.file = file;
  }

  private static ModelConfig config() {
    return RandomLlama.config("fuzz", 1, 32, 2, 1, 16, 64, 260, 64);
  }

  /** {@return the name of the file whose bytes are not trusted} */
  final String file() {
    return file;
  }

  /** Reads what lies in {@code folder}, as a command would. */
  abstract void use(Path folder);

  /**
   * Puts {@code bytes} into {@link #file()} and reads it.
   *
   * @param folder with what else the file needs beside it
   * @return whether it was read; otherwise it was refused
   */
  final boolean attempt(Path folder, byte[] bytes) {
    try {
      Files.write(folder.resolve(file), bytes);
      use(folder);
      return true;
    } catch (InputException e) {
      requireSentence(e.getMessage());
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void requireSentence(String message) {
    if (message.isBlank()
        || message.length() > LONGEST_SENTENCE
        || message.codePoints().anyMatch(Character::isISOControl)) {
      throw new AssertionError("no sentence: " + message);
    }
  }

  private static void readModel(Path path) {
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      checkpoint.fingerprint();
      for (String name : checkpoint.names()) {
        orRefused(() -> checkpoint.find(name).ifPresent(FuzzTarget::touch));
        orRefused(() -> checkpoint.findF32(name).ifPresent(FuzzTarget::touch));
      }
      orRefused(() -> tokenize(checkpoint));
      WeightsLoader.load(checkpoint);
    }
  }

  private static void tokenize(Checkpoint checkpoint) {
    Tokenizer tokenizer = Tokenizer.of(checkpoint);
    tokenizer.decode(tokenizer.encodeWithSpecial(TEXT));
    tokenizer.decode(tokenizer.encode(TEXT));
  }

  private static void orRefused(Runnable action) {
    try {
      action.run();
    } catch (InputException e) {
      requireSentence(e.getMessage());
    }
  }

  private static void touch(Tensor tensor) {
    CRC32 reader = new CRC32();
    reader.update(tensor.data().asByteBuffer());
  }
}
