import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufCheckpoint;
import dev.rap.checkpoint.HuggingFaceCheckpoint;
import dev.rap.tokenizer.Tokenizer;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Encodes and decodes the texts of a file: {@code TokenizeLines MODEL TEXTS RESULTS}. Run by
 * compare-tokenizers.py, which says what the files hold; no part of the build.
 */
final class TokenizeLines {
  private TokenizeLines() {}

  public static void main(String[] arguments) throws IOException {
    Path path = Path.of(arguments[0]);
    long begun = System.nanoTime();
    try (Checkpoint checkpoint =
            Files.isDirectory(path)
                ? HuggingFaceCheckpoint.open(path)
                : GgufCheckpoint.open(path);
        DataInputStream in =
            new DataInputStream(
                new java.io.BufferedInputStream(Files.newInputStream(Path.of(arguments[1]))));
        DataOutputStream out =
            new DataOutputStream(
                new BufferedOutputStream(Files.newOutputStream(Path.of(arguments[2]))))) {
      Tokenizer tokenizer = Tokenizer.of(checkpoint);
      out.writeDouble(seconds(begun));
      int lines = in.readInt();
      for (int i = 0; i < lines; i++) {
        String line = text(in);
        int[] plain = tokenizer.encode(line);
        write(plain, out);
        write(tokenizer.encodeWithSpecial(line), out);
        byte[] decoded = tokenizer.decode(plain).getBytes(StandardCharsets.UTF_8);
        out.writeInt(decoded.length);
        out.write(decoded);
      }
      for (int longTexts = in.readInt(); longTexts > 0; longTexts--) {
        time(tokenizer, in.readInt(), text(in), out);
      }
    }
  }

  // The tokens, and the fastest run: the first ones also pay for compiling.
  private static void time(Tokenizer tokenizer, int runs, String text, DataOutputStream out)
      throws IOException {
    double best = Double.POSITIVE_INFINITY;
    int[] tokens = {};
    for (int run = 0; run < runs; run++) {
      long begun = System.nanoTime();
      tokens = tokenizer.encode(text);
      best = Math.min(best, seconds(begun));
    }
    write(tokens, out);
    out.writeDouble(best);
  }

  private static String text(DataInputStream in) throws IOException {
    return new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
  }

  private static void write(int[] tokens, DataOutputStream out) throws IOException {
    out.writeInt(tokens.length);
    for (int token : tokens) {
      out.writeInt(token);
    }
  }

  private static double seconds(long begun) {
    return (System.nanoTime() - begun) / 1e9;
  }
}
