package dev.rap.natives;

import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;

/** A process of its own, for a library can be bound only once: asks cuBLAS for its version. */
final class JCublasProgram {
  private JCublasProgram() {}

  public static void main(String[] args) {
    switch (Cublas13.bind(args[0])) {
      case NativeLibrary.Loaded _ -> {}
      case NativeLibrary.Unavailable none -> throw new AssertionError(none.reason());
    }
    cublasHandle handle = new cublasHandle();
    int[] version = new int[1];
    check(JCublas2.cublasCreate(handle));
    check(JCublas2.cublasGetVersion(handle, version));
    System.out.println("version " + version[0]);
  }

  private static void check(int status) {
    if (status != 0) {
      throw new AssertionError("cuBLAS returned " + status);
    }
  }
}
