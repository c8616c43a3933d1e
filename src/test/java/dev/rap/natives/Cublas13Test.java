package dev.rap.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs made for cuBLAS 12, in processes of their own, and a cuBLAS 13 that is a fake. */
class Cublas13Test {
  @TempDir private Path folder;

  /** {@return the functions of cuBLAS that JCublas's JNI library imports} */
  static Set<String> wanted() {
    byte[] jni = NativeLibrary.resource("/lib/libJCublas2-12.6.0-linux-x86_64.so").orElseThrow();
    Set<String> names = new TreeSet<>(new ElfFile(jni).imports());
    names.removeIf(name -> !name.startsWith("cublas"));
    return names;
  }

  private Path fake() throws Exception {
    Path fake = folder.resolve("libcublas.so.13");
    CPrograms.compile(
        "gcc", "-shared", "-fPIC", "src/test/c/fake_cublas13.c", "-o", fake.toString());
    return fake;
  }

  @Test
  void libraryHasTheNameThatJCublasNeeds() {
    byte[] jni = NativeLibrary.resource("/lib/libJCublas2-12.6.0-linux-x86_64.so").orElseThrow();
    assertEquals(494, wanted().size());
    CPrograms.path(OwnLibrary.CUBLAS13);
    byte[] ours = NativeLibrary.resource(OwnLibrary.CUBLAS13.resource()).orElseThrow();
    assertTrue(new ElfFile(jni).neededLibraries().containsAll(new ElfFile(ours).soname()));
  }

  @Test
  void callsArriveWithAllTheirArguments() throws Exception {
    Path library = folder.resolve("libcublas.so.12");
    Files.copy(CPrograms.path(OwnLibrary.CUBLAS13), library);
    String program = folder.resolve("program").toString();
    CPrograms.compile(
        "gcc",
        "-Inative",
        "src/test/c/call_cublas.c",
        library.toString(),
        "-o",
        program,
        "-Wl,-rpath," + folder);
    Path missing = folder.resolve("nowhere.so");

    CPrograms.Run run = CPrograms.run(List.of(program, missing.toString(), fake().toString()));
    assertEquals(
        """
        unbound: 1 unknown
        missing: -1 %1$s: cannot open shared object file: No such file or directory
        lacking: 490
        again: -1 %2$s: cuBLAS is bound already
        create: 0 1
        not there: 15
        text: thirteen
        sgemm: 42
        """
            .formatted(missing, folder.resolve("libcublas.so.13")),
        run.out());
    assertEquals(0, run.exitCode());
  }

  @Test
  void libraryThatIsMissingIsAnOutcome() {
    CPrograms.path(OwnLibrary.CUBLAS13);
    Path missing = folder.resolve("nowhere.so");
    NativeLibrary.Unavailable none =
        assertInstanceOf(NativeLibrary.Unavailable.class, Cublas13.bind(missing.toString()));
    assertEquals(
        "cuBLAS 13 could not be loaded: "
            + missing
            + ": cannot open shared object file: No such file or directory",
        none.reason());
  }

  @Test
  void jcublasRunsOnCublas13AndWritesNoTemporaryFile() throws Exception {
    CPrograms.path(OwnLibrary.CUBLAS13);
    Path temporary = Files.createDirectory(folder.resolve("tmp"));
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-Djava.io.tmpdir=" + temporary,
            "-cp",
            System.getProperty("java.class.path"),
            JCublasProgram.class.getName(),
            fake().toString());
    builder.environment().put("XDG_CACHE_HOME", folder.resolve("cache").toString());
    assertEquals(new CPrograms.Run(0, "version 130042\n"), CPrograms.run(builder));
    try (var files = Files.walk(temporary)) {
      assertEquals(List.of(), files.filter(file -> file.toString().contains("JCu")).toList());
    }
    try (var files = Files.list(folder.resolve("cache").resolve("rap"))) {
      assertEquals(2, files.map(Path::toFile).filter(File::isFile).count());
    }
  }
}
