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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The library that was built, as a file: what it needs of a machine, and what it lets out. */
class NativeLibraryTest {
  // The glibc of Debian 11 and Ubuntu 20.04.
  private static final int[] GLIBC_FLOOR = {2, 31};

  private Optional<byte[]> library;

  @BeforeEach
  void read() {
    library = NativeLibrary.resource();
    assumeTrue(library.isPresent(), "this build has no native library: gcc was missing");
  }

  @Test
  void glibcFrom231OnIsEnough() {
    Set<String> versions = new ElfFile(library.orElseThrow()).neededVersions();
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

  @Test
  void nothingButTheCLibraryIsNeeded() {
    Set<String> allowed = Set.of("libc.so.6", "libm.so.6");
    Set<String> needed = new ElfFile(library.orElseThrow()).neededLibraries();
    assertTrue(allowed.containsAll(needed), needed::toString);
  }

  @Test
  void exportsAreTheFunctionsOfTheHeader() throws IOException {
    Set<String> declared =
        Pattern.compile("(rap_\\w+)\\(")
            .matcher(Files.readString(Path.of("native/rap_cpu.h")))
            .results()
            .map(match -> match.group(1))
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(declared, new ElfFile(library.orElseThrow()).exports());
  }

  @Test
  void interfaceVersionIsTheHeaders() throws IOException {
    String header = Files.readString(Path.of("native/rap_cpu.h"));
    assertTrue(header.contains("#define RAP_ABI_VERSION " + NativeLibrary.ABI_VERSION + "\n"));
  }

  @Test
  void libraryLoadsHere() {
    NativeLibrary.Loaded loaded = assertInstanceOf(NativeLibrary.Loaded.class, NativeLibrary.cpu());
    assertEquals(Sha256.of(library.orElseThrow()), loaded.sha256());
    assertTrue(loaded.symbols().find("rap_matmul").isPresent());
  }
}
