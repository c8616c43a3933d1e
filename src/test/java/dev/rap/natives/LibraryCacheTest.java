package dev.rap.natives;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Laying down a library, with text in the place of one and a linker that only takes notes. */
class LibraryCacheTest {
  private static final byte[] LIBRARY = "a library".getBytes(StandardCharsets.UTF_8);

  // printf 'a library' | sha256sum
  private static final String SHA_256 =
      "31f109ab38348582abdc9e1c9942f74505c719e98c6d0ab6fbcfdccfd8c9935b";

  private final List<Path> linked = new ArrayList<>();
  @TempDir private Path folder;

  private SymbolLookup link(Path file) {
    linked.add(file);
    return _ -> Optional.empty();
  }

  private NativeLibrary.Loaded load(Path... directories) {
    return assertInstanceOf(
        NativeLibrary.Loaded.class,
        new LibraryCache(List.of(directories)).load("librap_test", LIBRARY, this::link));
  }

  @Test
  void libraryLiesUnderItsDigestInAPrivateDirectory() throws IOException {
    Path cache = folder.resolve("made/on/the/way");
    NativeLibrary.Loaded loaded = load(cache);
    assertEquals(cache.resolve("librap_test-" + SHA_256 + ".so"), loaded.path());
    assertEquals(SHA_256, loaded.sha256());
    assertEquals(List.of(loaded.path()), linked);
    assertArrayEquals(LIBRARY, Files.readAllBytes(loaded.path()));
    assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(cache)));
    try (var files = Files.list(cache)) {
      assertEquals(1, files.count(), "no temporary file is left");
    }
  }

  @Test
  void fileThatIsRightIsUsedAgain() throws IOException {
    Path file = load(folder).path();
    Object written = Files.readAttributes(file, "unix:ino").get("ino");
    load(folder);
    assertEquals(written, Files.readAttributes(file, "unix:ino").get("ino"));
  }

  @Test
  void fileThatIsWrongIsWrittenAnew() throws IOException {
    Path file = load(folder).path();
    for (String wrong : List.of("", "a librarz", "a library, and more")) {
      Files.writeString(file, wrong);
      load(folder);
      assertArrayEquals(LIBRARY, Files.readAllBytes(file), wrong);
    }
  }

  @Test
  void symbolicLinkIsNotFollowed() throws IOException {
    Path file = load(folder).path();
    Path elsewhere = Files.write(folder.resolve("elsewhere"), LIBRARY);
    Files.delete(file);
    Files.createSymbolicLink(file, elsewhere);
    load(folder);
    assertTrue(!Files.isSymbolicLink(file));
  }

  @Test
  void directoryThatCannotBeWrittenIsPassedOver() throws IOException {
    Path blocked = Files.writeString(folder.resolve("file"), "in the way").resolve("rap");
    assertEquals(
        folder.resolve("second"), load(blocked, folder.resolve("second")).path().getParent());
  }

  @Test
  void directoryThatForbidsExecutionIsPassedOver() {
    Path noexec = folder.resolve("noexec");
    Path second = folder.resolve("second");
    NativeLibrary.Outcome outcome =
        new LibraryCache(List.of(noexec, second))
            .load(
                "librap_test",
                LIBRARY,
                file -> {
                  if (file.startsWith(noexec)) {
                    throw new UnsatisfiedLinkError("failed to map segment from shared object");
                  }
                  return link(file);
                });
    assertInstanceOf(NativeLibrary.Loaded.class, outcome);
    assertEquals(second, linked.getFirst().getParent());
  }

  @Test
  void failureNamesEveryDirectoryAndWhatToDo() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "in the way");
    NativeLibrary.Outcome outcome =
        new LibraryCache(List.of(file.resolve("a"), file.resolve("b")))
            .load("librap_test", LIBRARY, this::link);
    NativeLibrary.Unavailable none = assertInstanceOf(NativeLibrary.Unavailable.class, outcome);
    assertTrue(none.reason().contains(file.resolve("a").toString()), none::reason);
    assertTrue(none.reason().contains(file.resolve("b").toString()), none::reason);
    assertTrue(none.remedy().contains("XDG_CACHE_HOME"), none::remedy);
  }

  @Test
  void libraryThatIsMissingIsNamedAndNoOtherDirectoryTried() {
    NativeLibrary.Outcome outcome =
        new LibraryCache(List.of(folder.resolve("a"), folder.resolve("b")))
            .load(
                "libtest",
                LIBRARY,
                file -> {
                  link(file);
                  // As glibc words it.
                  throw new UnsatisfiedLinkError(
                      file
                          + ": libcuda.so.1: cannot open shared object file: No such file or"
                          + " directory");
                });
    assertEquals(
        new NativeLibrary.Unavailable(
            "libtest.so needs libcuda.so.1, which is not installed", "install the NVIDIA driver"),
        outcome);
    assertEquals(1, linked.size());
  }

  @Test
  void onlyLinuxOnX86IsSupported() {
    assertTrue(NativeLibrary.isSupported("Linux", "amd64"));
    assertTrue(!NativeLibrary.isSupported("Linux", "aarch64"));
    assertTrue(!NativeLibrary.isSupported("Mac OS X", "x86_64"));
    assertTrue(!NativeLibrary.isSupported("Windows 11", "amd64"));
  }
}
