package dev.rap.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rap.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The libraries that were built, as files: what they need of a machine, and what they let out. */
class NativeLibraryTest {
  // The glibc of Debian 11 and Ubuntu 20.04.
  private static final int[] GLIBC_FLOOR = {2, 31};

  private static final Set<String> PARTS_OF_GLIBC =
      Set.of(
          "libc.so.6",
          "libm.so.6",
          "libdl.so.2",
          "libpthread.so.0",
          "librt.so.1",
          "ld-linux-x86-64.so.2");

  private static byte[] file(OwnLibrary library) {
    Optional<byte[]> file = NativeLibrary.resource(library.resource());
    assumeTrue(file.isPresent(), () -> library.absence().reason() + ": " + library.stem());
    return file.orElseThrow();
  }

  private static String header(OwnLibrary library) throws IOException {
    return Files.readString(
        Path.of(
            switch (library) {
              case CPU -> "native/rap_cpu.h";
              case CUDA -> "kernels/rap_cuda.h";
              case CUBLAS13 -> "native/rap_cublas13.h";
            }));
  }

  @ParameterizedTest
  @EnumSource
  void glibcFrom231OnIsEnough(OwnLibrary library) {
    Set<String> versions = new ElfFile(file(library)).neededVersions();
    assertFalse(versions.isEmpty());
    for (String version : versions) {
      assertTrue(version.startsWith("GLIBC_2."), () -> "needs " + version);
      int[] numbers =
          Pattern.compile("\\.")
              .splitAsStream(version.substring("GLIBC_".length()))
              .mapToInt(Integer::parseInt)
              .toArray();
      assertTrue(Arrays.compare(numbers, GLIBC_FLOOR) <= 0, () -> "needs " + version);
    }
  }

  @ParameterizedTest
  @EnumSource
  void nothingButTheCLibraryIsNeeded(OwnLibrary library) {
    Set<String> needed = new ElfFile(file(library)).neededLibraries();
    assertTrue(PARTS_OF_GLIBC.containsAll(needed), needed::toString);
  }

  @ParameterizedTest
  @EnumSource
  void exportsAreTheFunctionsOfTheHeader(OwnLibrary library) throws IOException {
    Set<String> declared =
        Pattern.compile("^[a-z].*\\b(rap_\\w+)\\(", Pattern.MULTILINE)
            .matcher(header(library))
            .results()
            .map(match -> match.group(1))
            .collect(Collectors.toCollection(TreeSet::new));
    if (library == OwnLibrary.CUBLAS13) {
      declared.addAll(Cublas13Test.wanted());
    }
    assertEquals(declared, new ElfFile(file(library)).exports());
  }

  @ParameterizedTest
  @EnumSource
  void interfaceVersionIsTheHeaders(OwnLibrary library) throws IOException {
    Pattern line =
        Pattern.compile("^#define \\w+_ABI_VERSION " + library.version() + "$", Pattern.MULTILINE);
    assertTrue(line.matcher(header(library)).find());
  }

  @ParameterizedTest
  @EnumSource
  void libraryLoadsHereWithOrWithoutAGpu(OwnLibrary library) {
    byte[] file = file(library);
    NativeLibrary.Loaded loaded =
        assertInstanceOf(NativeLibrary.Loaded.class, NativeLibrary.own(library));
    assertEquals(Sha256.of(file), loaded.sha256());
  }

  @Test
  void theDriverIsAllThatJCudaMayLack() {
    NativeLibrary.Outcome outcome = NativeLibrary.jcuda("JCudaDriver-12.6.0-linux-x86_64");
    if (outcome instanceof NativeLibrary.Unavailable none) {
      assertEquals(
          new NativeLibrary.Unavailable(
              "libJCudaDriver-12.6.0-linux-x86_64.so needs libcuda.so.1, which is not installed",
              "install the NVIDIA driver"),
          none);
    }
  }

  @Test
  void libraryOfJCudaThatTheJarLeavesOutIsUnavailable() {
    NativeLibrary.Unavailable none =
        assertInstanceOf(NativeLibrary.Unavailable.class, NativeLibrary.jcuda("JCufft"));
    assertEquals("libJCufft.so is missing", none.reason());
  }
}
