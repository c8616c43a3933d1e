package dev.rap.natives;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Lets JCublas, which was made for cuBLAS 12, run on cuBLAS 13: {@code librap_cublas13.so} has the
 * name and the symbols of the one and leads to the other.
 */
public final class Cublas13 {
  private Cublas13() {}

  /**
   * Puts cuBLAS 13 in the place of cuBLAS 12 in this process. Works once, and before JCublas's
   * class is initialised.
   *
   * @param library a path of {@code libcublas.so.13}, or that name alone to have the system look
   * @return the library that stands in between, or why cuBLAS 13 cannot be used
   */
  public static NativeLibrary.Outcome bind(String library) {
    return switch (NativeLibrary.own(OwnLibrary.CUBLAS13)) {
      case NativeLibrary.Loaded between -> bind(between, library);
      case NativeLibrary.Unavailable none -> none;
    };
  }

  private static NativeLibrary.Outcome bind(NativeLibrary.Loaded between, String library) {
    MethodHandle bind =
        function(
            between.symbols(),
            "rap_cublas13_bind",
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
    int missing;
    try (Arena arena = Arena.ofConfined()) {
      missing = (int) bind.invokeExact(arena.allocateFrom(library));
    } catch (Throwable t) {
      throw new AssertionError("rap_cublas13_bind threw", t);
    }
    return missing >= 0
        ? between
        : new NativeLibrary.Unavailable(
            "cuBLAS 13 could not be loaded: " + error(between.symbols()),
            "install cuBLAS 12 or 13");
  }

  @SuppressWarnings("restricted") // a C string, of whatever length
  private static String error(SymbolLookup symbols) {
    MethodHandle error =
        function(symbols, "rap_cublas13_error", FunctionDescriptor.of(ValueLayout.ADDRESS));
    try {
      MemorySegment text = (MemorySegment) error.invokeExact();
      return text.reinterpret(Long.MAX_VALUE).getString(0);
    } catch (Throwable t) {
      throw new AssertionError("rap_cublas13_error threw", t);
    }
  }

  @SuppressWarnings("restricted") // signatures of native/rap_cublas13.h
  private static MethodHandle function(
      SymbolLookup symbols, String name, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), descriptor);
  }
}
