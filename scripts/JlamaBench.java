import com.github.tjake.jlama.model.AbstractModel;
import com.github.tjake.jlama.model.ModelSupport;
import com.github.tjake.jlama.model.functions.Generator;
import com.github.tjake.jlama.safetensors.DType;
import com.github.tjake.jlama.safetensors.prompt.PromptContext;
import com.github.tjake.jlama.util.PhysicalCoreExecutor;
import java.io.File;
import java.util.UUID;

/**
 * Times Jlama's prefill and greedy decode: {@code JlamaBench FOLDER PREFILL DECODE THREADS RUNS}.
 * Prints one JSON document, the medians of the runs. Run by peers.sh, no part of the build.
 */
final class JlamaBench {
  private JlamaBench() {}

  public static void main(String[] arguments) throws Exception {
    int prefill = Integer.parseInt(arguments[1]);
    int decode = Integer.parseInt(arguments[2]);
    int runs = Integer.parseInt(arguments[4]);
    PhysicalCoreExecutor.overrideThreadCount(Integer.parseInt(arguments[3]));
    double[] prefillSpeed = new double[runs];
    double[] decodeSpeed = new double[runs];
    File folder = new File(arguments[0]);
    try (AbstractModel model = ModelSupport.loadModel(folder, DType.F32, DType.I8)) {
      PromptContext prompt = PromptContext.of(" time".repeat(prefill - 1)); // and the BOS it adds
      for (int i = -1; i < runs; i++) { // run -1 warms the JVM up
        Generator.Response r =
            model.generate(UUID.randomUUID(), prompt, 0f, prefill + decode, (text, seconds) -> {});
        System.err.printf(
            "prompt %d tokens in %d ms, then %d in %d ms%n",
            r.promptTokens, r.promptTimeMs, r.generatedTokens, r.generateTimeMs);
        if (i >= 0) {
          prefillSpeed[i] = 1000.0 * r.promptTokens / r.promptTimeMs;
          decodeSpeed[i] = 1000.0 * r.generatedTokens / r.generateTimeMs;
        }
      }
    }
    System.out.printf(
        "{\"prefillTokensPerSecond\":%.1f,\"decodeTokensPerSecond\":%.1f}%n",
        median(prefillSpeed), median(decodeSpeed));
    System.exit(0); // Jlama's pools would keep the JVM alive
  }

  private static double median(double[] values) {
    java.util.Arrays.sort(values);
    return values[values.length / 2];
  }
}
