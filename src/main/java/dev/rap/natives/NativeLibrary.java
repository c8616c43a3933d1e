package dev.rap.natives;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The native libraries, which travel as resources: {@code librap_cpu.so}, {@code librap_cuda.so},
 * {@code librap_cublas13.so} and JCuda's.
 *
 * <p>They are built for Linux on x86-64 alone. Each is loaded at the first question and stays
 * loaded. None of RAP's needs a GPU or a driver to be loaded.
 */
public final class NativeLibrary {
  private static final Map<OwnLibrary, Outcome> OUTCOMES = new EnumMap<>(OwnLibrary.class);

  private NativeLibrary() {}

  /** What came of loading a library. */
  public sealed interface Outcome permits Loaded, Unavailable {}

  /**
   * The library is there.
   *
   * @param path the file that was loaded
   * @param sha256 of that file and of the resource, in hexadecimal
   * @param symbols its functions
   */
  public record Loaded(Path path, String sha256, SymbolLookup symbols) implements Outcome {}

  /**
   * The library is not there.
   *
   * @param reason a clause: what is missing or went wrong, and where
   * @param remedy a clause: what to do about it
   */
  public record Unavailable(String reason, String remedy) implements Outcome {}

  /** {@return the CPU kernels; the same outcome at every call} */
  public static Outcome cpu() {
    return own(OwnLibrary.CPU);
  }

  /** {@return the CUDA kernels, loaded whether or not there is a GPU; the same at every call} */
  public static Outcome cuda() {
    return own(OwnLibrary.CUDA);
  }

  /**
   * Loads one of JCuda's JNI libraries.
   *
   * @param name such as {@code JCudaDriver-12.6.0-linux-x86_64}
   */
  public static Outcome jcuda(String name) {
    return load(
        "lib" + name,
        "/lib/lib" + name + ".so",
        new Unavailable("lib" + name + ".so is missing", "use RAP's jar as it was built"));
  }

  static synchronized Outcome own(OwnLibrary library) {
    return OUTCOMES.computeIfAbsent(library, NativeLibrary::loadOwn);
  }

  private static Outcome loadOwn(OwnLibrary library) {
    return switch (load(library.stem(), library.resource(), library.absence())) {
      case Loaded loaded -> library.check(loaded);
      case Unavailable none -> none;
    };
  }

  private static Outcome load(String stem, String resource, Unavailable absence) {
    String system = System.getProperty("os.name");
    String architecture = System.getProperty("os.arch");
    if (!isSupported(system, architecture)) {
      return new Unavailable(
          "native kernels exist for Linux on x86-64 only, this is "
              + system
              + " on "
              + architecture,
          "run on such a machine for full speed");
    }
    return resource(resource)
        .map(library -> LibraryCache.standard().load(stem, library, NativeLibrary::link))
        .orElse(absence);
  }

  static boolean isSupported(String system, String architecture) {
    return system.toLowerCase(Locale.ROOT).equals("linux")
        && (architecture.equals("amd64") || architecture.equals("x86_64"));
  }

  static Optional<byte[]> resource(String name) {
    try (InputStream in = NativeLibrary.class.getResourceAsStream(name)) {
      return in == null ? Optional.empty() : Optional.of(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException("reading the resource " + name, e);
    }
  }

  // Throws UnsatisfiedLinkError where the file is no library or its directory forbids execution.
  @SuppressWarnings(
      "restricted") // a library of ours, its bytes compared with the resource's digest
  private static SymbolLookup link(Path file) {
    System.load(file.toString());
    return SymbolLookup.loaderLookup();
  }
}
