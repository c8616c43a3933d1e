package dev.rap.natives;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * The library of CPU kernels, {@code librap_cpu.so}, which travels as a resource.
 *
 * <p>It is built for Linux on x86-64 alone. It is loaded at the first question and stays loaded.
 */
public final class NativeLibrary {
  /** RAP_ABI_VERSION in {@code native/rap_cpu.h}. */
  static final int ABI_VERSION = 1;

  private static final String RESOURCE = "linux-x86_64/librap_cpu.so";

  private NativeLibrary() {}

  /** What came of loading the library. */
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

  /** {@return the outcome, the same at every call} */
  public static Outcome cpu() {
    return Holder.CPU;
  }

  private static final class Holder {
    static final Outcome CPU = load();
  }

  private static Outcome load() {
    String platform = System.getProperty("os.name") + " on " + System.getProperty("os.arch");
    if (!isSupported(System.getProperty("os.name"), System.getProperty("os.arch"))) {
      return new Unavailable(
          "native kernels exist for Linux on x86-64 only, this is " + platform,
          "run on such a machine for full speed");
    }
    Optional<byte[]> library = resource();
    if (library.isEmpty()) {
      return new Unavailable(
          "this build has no native library", "install gcc 11 or newer and build again");
    }
    return LibraryCache.standard().load(library.get(), NativeLibrary::link);
  }

  static boolean isSupported(String system, String architecture) {
    return system.toLowerCase(Locale.ROOT).equals("linux")
        && (architecture.equals("amd64") || architecture.equals("x86_64"));
  }

  static Optional<byte[]> resource() {
    try (InputStream in = NativeLibrary.class.getResourceAsStream(RESOURCE)) {
      return in == null ? Optional.empty() : Optional.of(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException("reading the resource " + RESOURCE, e);
    }
  }

  // Throws UnsatisfiedLinkError where the file is no library or its directory forbids execution.
  @SuppressWarnings("restricted") // our own library, its bytes compared with the resource's digest
  private static SymbolLookup link(Path file) {
    System.load(file.toString());
    SymbolLookup symbols = SymbolLookup.loaderLookup();
    int version = abiVersion(symbols);
    if (version != ABI_VERSION) {
      throw new UnsatisfiedLinkError(
          "it has interface version %d, not %d".formatted(version, ABI_VERSION));
    }
    return symbols;
  }

  @SuppressWarnings("restricted") // int f(void): the one signature that no version changes
  private static int abiVersion(SymbolLookup symbols) {
    MethodHandle function =
        Linker.nativeLinker()
            .downcallHandle(
                symbols
                    .find("rap_abi_version")
                    .orElseThrow(() -> new UnsatisfiedLinkError("it has no rap_abi_version")),
                FunctionDescriptor.of(ValueLayout.JAVA_INT));
    try {
      return (int) function.invokeExact();
    } catch (Throwable t) {
      throw new AssertionError("rap_abi_version threw", t);
    }
  }
}
