package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.rap.natives.NativeLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import jcuda.jcublas.JCublas2;

/**
 * cuBLAS, as JCublas needs it: the functions of {@code libcublas.so.12}. Where only cuBLAS 13 is
 * installed, our own library of that name leads to it ({@code native/rap_cublas13.h}).
 *
 * <p>It is looked for once, where the system looks and in {@link CublasPlaces}, and stays loaded.
 */
final class CublasLibrary {
  private static final String CUBLAS_12 = "libcublas.so.12";
  private static final String CUBLAS_13 = "libcublas.so.13";
  private static final String REMEDY =
      "install it, with pip install nvidia-cublas-cu12 or from the CUDA toolkit, and set"
          + " LD_LIBRARY_PATH to its folder if it still is not found";

  private CublasLibrary() {}

  /** What came of looking for it. */
  sealed interface Outcome permits Loaded, Missing {}

  /**
   * JCublas can be used.
   *
   * @param path of cuBLAS itself
   * @param isTranslated whether that is cuBLAS 13
   */
  record Loaded(Path path, boolean isTranslated) implements Outcome {}

  /**
   * There is no cuBLAS.
   *
   * @param reason a clause: what is missing or went wrong, and where
   * @param remedy a clause: what to do about it
   */
  record Missing(String reason, String remedy) implements Outcome {}

  /** {@return the outcome, the same at every call} */
  static Outcome find() {
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
    if (files.isEmpty() && !loads(CUBLAS_13)) {
      return Optional.of(new Missing("cuBLAS 12 or 13 was not found", REMEDY));
    }
    return switch (translation()) {
      case NativeLibrary.Unavailable none ->
          Optional.of(
              new Missing("cuBLAS 13 cannot be used, for " + none.reason(), none.remedy()));
      case NativeLibrary.Loaded loaded -> bind(loaded.symbols(), files);
    };
  }

  /** {@return our library that has cuBLAS 12's functions and leads to cuBLAS 13} */
  private static NativeLibrary.Outcome translation() {
    return new NativeLibrary.Unavailable(
        "this build has no librap_cublas13.so", "install cuBLAS 12 beside it");
  }

  @SuppressWarnings("restricted") // signature of native/rap_cublas13.h
  private static Optional<Missing> bind(SymbolLookup translation, List<Path> files) {
    MethodHandle bind =
        Linker.nativeLinker()
            .downcallHandle(
                translation.findOrThrow("rap_cublas13_bind"),
                FunctionDescriptor.of(JAVA_INT, ADDRESS));
    try (Arena arena = Arena.ofConfined()) {
      if ((int) bind.invokeExact(arena.allocateFrom(CUBLAS_13)) >= 0) {
        return Optional.empty();
      }
      for (Path file : files) {
        if ((int) bind.invokeExact(arena.allocateFrom(file.toString())) >= 0) {
          return Optional.empty();
        }
      }
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    return Optional.of(new Missing("no cuBLAS 13 that was found can be loaded", REMEDY));
  }

  private static Outcome loadJCublas(String name, boolean isTranslated) {
    try {
      JCudaLibraries.load("JCublas2", () -> JCublas2.setExceptionsEnabled(false));
      return new Loaded(pathOf(name), isTranslated);
    } catch (JCudaLibraries.NotLoadedException e) {
      return new Missing("cuBLAS cannot be used: " + e.getMessage(), REMEDY);
    }
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
