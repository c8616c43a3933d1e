package dev.rap.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code librap_cuda.so} and its headers as programs in C and C++ use them. */
class CudaHeaderTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"kernels/rap_cuda.h", "native/rap_cublas13.h"})
  void headersAreCAndCpp(String header) throws Exception {
    CPrograms.compile("gcc", "-std=c99", "-fsyntax-only", "-x", "c", header);
    CPrograms.compile("g++", "-std=c++11", "-fsyntax-only", "-x", "c++", header);
  }

  private CPrograms.Run describe() throws Exception {
    // By its soname, which is how a program finds it.
    Files.copy(CPrograms.path(OwnLibrary.CUDA), folder.resolve("librap_cuda.so"));
    String program = folder.resolve("describe").toString();
    CPrograms.compile(
        "gcc",
        "-Ikernels",
        "src/test/c/describe.c",
        "-o",
        program,
        "-L" + folder,
        "-lrap_cuda",
        "-Wl,-rpath," + folder);
    return CPrograms.run(List.of(program));
  }

  @Test
  void programSaysWhatTheLibraryWasBuiltForWithOrWithoutAGpu() throws Exception {
    List<String> lines = describe().out().lines().toList();
    assertEquals(2, lines.size(), lines::toString);
    assertTrue(
        lines.getFirst().matches("nvcc 1\\d\\.\\d+\\.\\d+, for( sm_\\d+a?)*( PTX_\\d+)?"),
        lines::getFirst);
  }

  @Test
  void programSaysThatThereIsNoDriver() throws Exception {
    assumeTrue(
        NativeLibrary.jcuda("JCudaDriver-12.6.0-linux-x86_64") instanceof NativeLibrary.Unavailable,
        "this machine has a driver");
    CPrograms.Run run = describe();
    assertEquals("there is no NVIDIA driver: install one", run.out().lines().toList().getLast());
    assertEquals(1, run.exitCode());
  }
}
