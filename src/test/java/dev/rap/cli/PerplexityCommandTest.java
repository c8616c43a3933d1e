package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.engine.Backend;
import dev.rap.engine.CpuBackend;
import dev.rap.engine.LoadedModel;
import dev.rap.engine.ModelRunner;
import dev.rap.kernels.CpuKernels;
import dev.rap.memory.MemoryUse;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PerplexityCommandTest {
  private static final int WINDOW = 32;

  @TempDir private Path folder;
  private MemoryUse atTheEnd; // held by the last runner

  // Its runners tell what they hold when they are closed.
  private Backend watched(Backend backend) {
    return proxy(
        Backend.class,
        (proxy, method, arguments) -> {
          Object result = method.invoke(backend, arguments);
          return result instanceof ModelRunner runner ? watched(runner) : result;
        });
  }

  private ModelRunner watched(ModelRunner runner) {
    return proxy(
        ModelRunner.class,
        (proxy, method, arguments) -> {
          if (method.getName().equals("close")) {
            atTheEnd = runner.held();
          }
          return method.invoke(runner, arguments);
        });
  }

  private static <T> T proxy(Class<T> type, InvocationHandler handler) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
  }

  private MemoryUse heldUnder(RetentionMask mask, LoadedModel model) {
    TextOptions.Windows text =
        new TextOptions.Windows(Collections.nCopies(8, new int[WINDOW]), 8 * WINDOW, "");
    PerplexityCommand.measure(
        new Captured(Map.of(), false).console(),
        model,
        text,
        new MaskOptions.Choice(mask, Optional.empty()));
    return atTheEnd;
  }

  // Matrices of 32 x 288 in F32; a key and a value of 32 in two bytes.
  @ParameterizedTest
  @CsvSource({"0, 4, 1", "1, 3, 0"})
  void whatTheMaskDropsIsGivenBack(int sublayer, int matrices, int kvHeads) {
    Path file = ChainModel.write(folder.resolve("chain.gguf"));
    try (LoadedModel model =
        LoadedModel.open(
            file, opened -> watched(new CpuBackend(opened.weights(), CpuKernels.reference(), 1)))) {
      RetentionMask dense = RetentionMask.dense(model.config().maskShape());
      MemoryUse whole = heldUnder(dense, model);
      MemoryUse pruned = heldUnder(dense.without(Sublayer.of(sublayer)), model);
      assertEquals(4L * matrices * 32 * 288, whole.weights() - pruned.weights());
      assertEquals(2L * kvHeads * WINDOW * 2 * 32, whole.kv() - pruned.kv());
    }
  }
}
