package jcuda;

import dev.rap.natives.NativeLibrary;

/**
 * Takes the place of JCuda's own class of this name, which JCuda's classes call when they are
 * initialised. That one writes its libraries to a guessable name in the directory for temporary
 * files, and loads whatever lies there already.
 */
public final class LibUtilsCuda {
  private LibUtilsCuda() {}

  /**
   * Loads one of JCuda's libraries from where RAP lays down its own.
   *
   * @param library such as {@code JCudaDriver-12.6.0-linux-x86_64}
   * @param dependencies none: JCuda never names any
   * @throws UnsatisfiedLinkError with the reason and the remedy in its message
   */
  public static void loadLibrary(String library, String... dependencies) {
    switch (NativeLibrary.jcuda(library)) {
      case NativeLibrary.Loaded _ -> {}
      case NativeLibrary.Unavailable none ->
          throw new UnsatisfiedLinkError(none.reason() + ": " + none.remedy());
    }
  }
}
