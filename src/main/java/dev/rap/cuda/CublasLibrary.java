package dev.rap.cuda;

import dev.rap.natives.Cublas13;
import dev.rap.natives.NativeLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcuda.jcublas.JCublas2;

/**
 * cuBLAS, as JCublas needs it: the functions of {@code libcublas.so.12}. Where only cuBLAS 13 is
 * installed, our own library of that name leads to it ({@code native/rap_cublas13.h}).
 *
 * <p>It is looked for once, where the system looks and in {@link CublasPlaces}, and stays loaded.
 */
public final class CublasLibrary {
  private static final String CUBLAS_12 = "libcublas.so.12";
  private static final String CUBLAS_13 = "libcublas.so.13";
  private static final String REMEDY =
      "install it, with pip install nvidia-cublas-cu12 or from the CUDA toolkit, and set"
          + " LD_LIBRARY_PATH to its folder if it still is not found";

  private CublasLibrary() {}

  /** What came of looking for it. */
  public sealed interface Outcome permits Loaded, Missing {}

  /**
   * JCublas can be used.
   *
   * @param path of cuBLAS itself
   * @param isTranslated whether that is cuBLAS 13
   */
  public record Loaded(Path path, boolean isTranslated) implements Outcome {}

  /**
   * There is no cuBLAS.
   *
   * @param reason a clause: what is missing or went wrong, and where
   * @param remedy a clause: what to do about it
   */
  public record Missing(String reason, String remedy) implements Outcome {}

  /** {@return the outcome, the same at every call} */
  public static Outcome find() {
    return Holder.OUTCOME;
  }

  private static final class Holder {
    static final Outcome OUTCOME = load();
  }

  private static Outcome load() {
    CublasPlaces places = new CublasPlaces(System.getenv(), Path.of("/"));
    if (loadFirst(CUBLAS_12, places.files(CUBLAS_12))) {
      return loadJCublas(CUBLAS_12, false);
    }
    Optional<Missing> obstacle = translate(places.files(CUBLAS_13));
    return obstacle.isPresent() ? obstacle.get() : loadJCublas(CUBLAS_13, true);
  }

  private static boolean loadFirst(String name, List<Path> files) {
    if (loads(name)) {
      return true;
    }
    return files.stream().anyMatch(file -> loads(file.toString()));
  }

  @SuppressWarnings("restricted") // NVIDIA's library, where the user has installed it
  private static boolean loads(String name) {
    try {
      SymbolLookup.libraryLookup(name, Arena.global());
      return true;
    } catch (IllegalArgumentException e) {
      return false; // that is how a library that does not load is told
    }
  }

  private static Optional<Missing> translate(List<Path> files) {
    List<String> names = new ArrayList<>(List.of(CUBLAS_13));
    files.forEach(file -> names.add(file.toString()));
    String reason = "";
    for (String name : names) {
      switch (Cublas13.bind(name)) {
        case NativeLibrary.Loaded _ -> {
          return Optional.empty();
        }
        case NativeLibrary.Unavailable none -> reason = none.reason();
      }
    }
    return Optional.of(
        files.isEmpty()
            ? new Missing("cuBLAS 12 or 13 was not found", REMEDY)
            : new Missing(reason, REMEDY));
  }

  private static Outcome loadJCublas(String name, boolean isTranslated) {
    Optional<NativeLibrary.Unavailable> none =
        JCudaLibraries.load("JCublas2", () -> JCublas2.setExceptionsEnabled(false));
    return none.isPresent()
        ? new Missing("cuBLAS cannot be used: " + none.get().reason(), REMEDY)
        : new Loaded(pathOf(name), isTranslated);
  }

  // The file behind a name may be a link to a version, so its name may go on.
  private static Path pathOf(String name) {
    String start = name.substring(0, name.indexOf(".so") + ".so".length());
    try (var mappings = Files.lines(Path.of("/proc/self/maps"))) {
      return mappings
          .filter(line -> line.contains("/" + start))
          .map(line -> Path.of(line.substring(line.indexOf('/'))))
          .findFirst()
          .orElse(Path.of(name));
    } catch (IOException e) {
      return Path.of(name);
    }
  }
}
