package dev.rap.cuda;

import dev.rap.natives.NativeLibrary;
import java.util.Optional;
import jcuda.JCudaVersion;
import jcuda.LibUtils;

/** Loads the native halves of JCuda, which travel in RAP's jar. */
final class JCudaLibraries {
  private JCudaLibraries() {}

  /**
   * Loads a library; what it needs itself must be loaded already, or be where the system looks.
   *
   * @param name such as {@code JCudaDriver}
   * @param initialise makes JCuda initialise the class that goes with the library
   * @return why it cannot be used, if it cannot
   */
  static Optional<NativeLibrary.Unavailable> load(String name, Runnable initialise) {
    String file = LibUtils.createPlatformLibraryName(name + "-" + JCudaVersion.get());
    // A class whose initialisation failed cannot be initialised again, so the library comes first.
    return switch (NativeLibrary.jcuda(file)) {
      case NativeLibrary.Unavailable none -> Optional.of(none);
      case NativeLibrary.Loaded _ -> {
        initialise.run();
        yield Optional.empty();
      }
    };
  }
}
