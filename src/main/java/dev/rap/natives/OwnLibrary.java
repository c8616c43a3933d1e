package dev.rap.natives;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** RAP's libraries, each a resource. */
enum OwnLibrary {
  /** {@code native/rap_cpu.h}. */
  CPU(
      "rap_cpu",
      "rap_abi_version",
      5,
      "this build has no native library",
      "install gcc 11 or newer and build again"),

  /** {@code kernels/rap_cuda.h}. */
  CUDA(
      "rap_cuda",
      "rap_cuda_abi_version",
      4,
      "this build has no CUDA part",
      "put the jar of RAP whose name ends in -linux-x86_64-cuda beside this one, or install g++ and"
          + " CUDA 13 and build again"),

  /** {@code native/rap_cublas13.h}. */
  CUBLAS13("rap_cublas13", "rap_cublas13_abi_version", 1, CUDA.absence, CUDA.remedy);

  private final String stem;
  private final String versionFunction;
  private final int version;
  private final String absence;
  private final String remedy;

  OwnLibrary(String name, String versionFunction, int version, String absence, String remedy) {
    this.stem = "lib" + name;
    this.versionFunction = versionFunction;
    this.version = version;
    this.absence = absence;
    this.remedy = remedy;
  }

  /** {@return the file's name without its ending} */
  String stem() {
    return stem;
  }

  String resource() {
    return "linux-x86_64/" + stem + ".so";
  }

  /** {@return the version of the interface that is bound here} */
  int version() {
    return version;
  }

  /** {@return what it means that there is no such resource} */
  NativeLibrary.Unavailable absence() {
    return new NativeLibrary.Unavailable(absence, remedy);
  }

  /** {@return {@code loaded}, or why it is not the library that is bound here} */
  NativeLibrary.Outcome check(NativeLibrary.Loaded loaded) {
    int found = versionOf(loaded.symbols());
    return found == version
        ? loaded
        : new NativeLibrary.Unavailable(
            "%s has interface version %d, not %d".formatted(loaded.path(), found, version),
            "use RAP's jars of one version");
  }

  @SuppressWarnings("restricted") // int f(void): the one signature that no version changes
  private int versionOf(SymbolLookup symbols) {
    MethodHandle function =
        Linker.nativeLinker()
            .downcallHandle(
                symbols.findOrThrow(versionFunction), FunctionDescriptor.of(ValueLayout.JAVA_INT));
    try {
      return (int) function.invokeExact();
    } catch (Throwable t) {
      throw new AssertionError(versionFunction + " threw", t);
    }
  }
}
